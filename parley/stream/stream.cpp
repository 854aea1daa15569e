#include "parley/stream/stream.h"

#include <cassert>
#include <stdexcept>
#include <string>

#include "parley/base/print.h"

namespace parley {

// What the connection tells. Where a task goes on, that is the last thing done: it may destroy the stream.

namespace detail {

StreamProtocol::~StreamProtocol() {
  if (stream_ != nullptr) stream_->detach();  // the reactor goes without having run: nobody is told
}

void StreamProtocol::connection_made() {
  made(Stream(*this));
}

void StreamProtocol::data_received(std::span<char> lent) {
  if (stream_ != nullptr) stream_->received(lent);
}

bool StreamProtocol::eof_received() {
  // True: our direction stays open until the program closes it.
  if (stream_ != nullptr) stream_->peer_ended();
  return true;
}

void StreamProtocol::pause_writing() {
  if (stream_ != nullptr) stream_->pressed_ = true;
}

void StreamProtocol::resume_writing() {
  if (stream_ != nullptr) stream_->relieved();
}

void StreamProtocol::connection_lost(Reason reason) {
  if (stream_ != nullptr) stream_->lost(reason);
}

}  // namespace detail

Stream::Stream(detail::StreamProtocol& wire) : wire_(&wire) {
  wire.stream_ = this;
}

void Stream::take(Stream& other) noexcept {
  assert(other.reader_ == nullptr && other.writers_ == nullptr && "a stream moves while a task waits for it");
  wire_ = std::exchange(other.wire_, nullptr);
  if (wire_ != nullptr) wire_->stream_ = this;
  read_buffer_ = std::move(other.read_buffer_);
  broken_ = other.broken_;
  peer_ = other.peer_;
  ended_ = other.ended_;
  closed_ = other.closed_;
  pressed_ = other.pressed_;
  paused_ = other.paused_;
}

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    forsake();
    take(other);
  }
  return *this;
}

Stream::~Stream() {
  close();
  forsake();
}

void Stream::received(std::span<const char> lent) {
  read_buffer_.append(lent);
  if (reader_ != nullptr) {
    if (reader_->satisfied()) std::exchange(reader_, nullptr)->resume();
  } else if (read_buffer_.size() >= read_ahead && !paused_) {
    // Nobody reads, and enough has come: the rest waits in the kernel, and then with the peer.
    paused_ = true;
    wire_->transport().pause_reading();
  }
}

void Stream::peer_ended() {
  ended_ = true;
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->resume();
}

void Stream::relieved() {
  pressed_ = false;
  wake_writers();
}

void Stream::lost(Reason reason) {
  switch (reason.kind()) {
    case Reason::Kind::done:
    case Reason::Kind::closed:
      break;
    case Reason::Kind::failed:
      broken_ = reason.error();
      break;
    default:
      broken_ = std::make_error_code(std::errc::connection_aborted);
  }
  detach();
  wake_writers();
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->resume();
}

void Stream::detach() noexcept {
  // Errors name the peer also when the connection has gone.
  peer_ = wire_->transport().peer().compact();
  std::exchange(wire_, nullptr)->stream_ = nullptr;
}

// What the program asks for.

void Stream::shutdown_write() {
  if (wire_ != nullptr) wire_->transport().shutdown_write();
}

void Stream::close() {
  if (wire_ == nullptr) return;
  closed_ = true;
  wire_->transport().lose_connection();
  detach();
  wake_all();
}

void Stream::abort() {
  if (wire_ == nullptr) return;
  closed_ = true;
  wire_->transport().abort_connection();
  detach();
  wake_all();
}

bool Stream::room() const {
  // `pause_writing` comes after a flush. What was written in this turn has not been flushed, so it is counted
  // here.
  return wire_ == nullptr || (!pressed_ && wire_->transport().queued() <= high_water);
}

bool Stream::put(std::string_view bytes) {
  if (wire_ != nullptr) wire_->transport().write(bytes);
  return room();
}

bool Stream::put(const Slice& slice) {
  if (wire_ != nullptr) wire_->transport().write(slice);
  return room();
}

bool Stream::put(std::span<const std::string_view> pieces) {
  if (wire_ != nullptr) wire_->transport().writelines(pieces);
  return room();
}

// Those who wait stay in their places until they go on: the stream may be gone by then.

void Stream::wake_all() {
  if (reader_ != nullptr) reader_->wake();
  wake_writers();
}

void Stream::wake_writers() {
  for (detail::Writing* writer = writers_; writer != nullptr; writer = writer->next_) writer->wake();
}

void Stream::forsake() {
  if (reader_ != nullptr) {
    reader_->wake();
    std::exchange(reader_, nullptr)->stream_ = nullptr;
  }
  while (writers_ != nullptr) {
    detail::Writing& writer = *writers_;
    writers_ = writer.next_;
    writer.flushed_.cancel();
    writer.wake();
    writer.stream_ = nullptr;
  }
}

void Stream::forget(const detail::Writing& writer) noexcept {
  for (detail::Writing** at = &writers_; *at != nullptr; at = &(*at)->next_) {
    if (*at != &writer) continue;
    *at = writer.next_;
    return;
  }
}

void Stream::fail(std::string_view operation) const {
  const std::string whom = format(peer());
  if (broken_) throw SocketError(operation, whom, broken_);
  throw SocketError(operation, whom, std::make_error_code(std::errc::broken_pipe),
                    closed_ ? "the stream was closed here" : "the peer has closed the connection");
}

void Stream::throw_if_broken(std::string_view operation) const {
  if (broken_) fail(operation);
}

Address Stream::peer() const {
  return wire_ != nullptr ? wire_->transport().peer() : Address(peer_);
}

Address Stream::host() const {
  return wire_ != nullptr ? wire_->transport().host() : Address();
}

Transport* Stream::transport() const {
  return wire_ != nullptr ? &wire_->transport() : nullptr;
}

}  // namespace parley
