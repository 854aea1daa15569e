#include "parley/stream/stream_state.h"

#include <cassert>
#include <stdexcept>
#include <string>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/filter.h"
#include "parley/socket/error.h"
#include "parley/stream/reading.h"
#include "parley/stream/stream.h"
#include "parley/stream/writing.h"

namespace parley::detail {

StreamProtocol::~StreamProtocol() {
  if (state_ != nullptr) state_->detach();  // the reactor goes without having run: nobody is told
}

void StreamProtocol::connection_made() {
  made(Stream(*this));
}

void StreamProtocol::data_received(std::span<char> lent) {
  if (state_ != nullptr) state_->received(lent);
}

bool StreamProtocol::eof_received() {
  // True: our direction stays open until the program closes it.
  if (state_ != nullptr) state_->peer_ended();
  return true;
}

void StreamProtocol::reading_resumed() {
  if (state_ != nullptr) state_->resumed();
}

void StreamProtocol::pause_writing() {
  if (state_ != nullptr) state_->pressed();
}

void StreamProtocol::resume_writing() {
  if (state_ != nullptr) state_->relieved();
}

void StreamProtocol::connection_lost(Reason reason) {
  if (state_ != nullptr) state_->lost(reason);
}

StreamState::StreamState(StreamProtocol& wire) : wire_(&wire) {
  wire.tell(this);
}

void StreamState::take(StreamState& other) noexcept {
  assert(other.reader_ == nullptr && other.writers_ == nullptr && "a stream moves while a task waits for it");
  wire_ = std::exchange(other.wire_, nullptr);
  if (wire_ != nullptr) wire_->tell(this);
  leaving_ = std::exchange(other.leaving_, nullptr);
  if (leaving_ != nullptr) leaving_->tell(this);
  input_ = std::move(other.input_);
  broken_ = other.broken_;
  peer_ = other.peer_;
  ended_ = other.ended_;
  end_waits_ = other.end_waits_;
  closed_ = other.closed_;
  pressed_ = other.pressed_;
  paused_ = other.paused_;
}

StreamState& StreamState::operator=(StreamState&& other) noexcept {
  if (this != &other) {
    close();
    forsake();
    take(other);
  }
  return *this;
}

StreamState::~StreamState() {
  close();
  forsake();
}

void StreamState::received(std::span<char> lent) {
  if (wire_ == nullptr) return;  // it was closed here, and a filter goes on with what it had read
  if (lent.size() >= taken_over_from) {
    take_in_large(lent);
  } else {
    input_.append(lent);
  }
  if (reader_ != nullptr) {
    if (reader_->satisfied()) std::exchange(reader_, nullptr)->resume();
  } else if (input_.size() >= read_ahead && !paused_) {
    // Nobody reads, and enough has come: the rest waits in the kernel, and then with the peer.
    paused_ = true;
    wire_->transport().pause_reading();
  }
}

// Apart, so that what is small, as almost all is, comes in with few instructions.
void StreamState::take_in_large(std::span<char> lent) {
  if (!input_.empty()) return input_.append(lent);
  input_.adopt(wire_->transport().take_lent(lent), lent.size());
}

void StreamState::resumed() {
  if (std::exchange(end_waits_, false)) return peer_ended();
  if (reader_ != nullptr && reader_->satisfied()) std::exchange(reader_, nullptr)->resume();
}

void StreamState::peer_ended() {
  ended_ = true;
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->resume();
}

void StreamState::relieved() {
  if (wire_ == nullptr) return;  // who waits for the end is not to be woken by this
  pressed_ = false;
  wake_writers();
}

void StreamState::lost(Reason reason) {
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

void StreamState::detach() noexcept {
  if (leaving_ != nullptr) return std::exchange(leaving_, nullptr)->tell(nullptr);
  // Errors name the peer also when the connection has gone.
  peer_ = wire_->transport().peer().compact();
  std::exchange(wire_, nullptr)->tell(nullptr);
}

void StreamState::shutdown_write() {
  if (wire_ != nullptr) wire_->transport().shutdown_write();
}

void StreamState::close() {
  if (wire_ == nullptr) return;
  wire_->transport().lose_connection();
  leave();
}

void StreamState::abort() {
  if (leaving_ != nullptr) return leaving_->transport().abort_connection();
  if (wire_ == nullptr) return;
  wire_->transport().abort_connection();
  leave();
}

// It is not used any more, and tells us when it has gone.
void StreamState::leave() noexcept {
  closed_ = true;
  peer_ = wire_->transport().peer().compact();
  leaving_ = std::exchange(wire_, nullptr);
  wake_all();
}

void StreamState::throw_if_undelivered(std::string_view operation) const {
  if (broken_) throw SocketError(operation, concat(peer()), broken_);
}

// Reading.

void StreamState::fail_busy() {
  throw std::logic_error("a stream is read by one task at a time");
}

void StreamState::wait(Reading& reader) noexcept {
  reader_ = &reader;
  // It was paused when nobody read.
  if (paused_ && wire_ != nullptr) {
    paused_ = false;
    wire_->transport().resume_reading();
  }
}

void StreamState::insert(std::unique_ptr<Filter> filter, Unread unread) {
  if (wire_ == nullptr) return;
  if (reader_ != nullptr) fail_busy();
  input_.settle();
  const std::string rest(unread == Unread::handed_over ? input_.held() : std::string_view());
  wire_->transport().insert(std::move(filter), rest);
  // What the filter makes of the rest comes before the end that was told already, and before reading_resumed.
  if (!rest.empty() && std::exchange(ended_, false)) end_waits_ = true;
  input_.lend(input_.size());
  input_.settle();
  if (std::exchange(paused_, false)) wire_->transport().resume_reading();  // the filter is to have its input
}

void StreamState::consume(std::size_t count) {
  // Whoever waits has looked at what is there, and would not find it any more.
  if (reader_ != nullptr) throw std::logic_error("consume: a task is reading from this stream");
  if (count > input_.size()) throw std::logic_error("consume: more than has come");
  input_.skip(count);
}

// Writing.

bool StreamState::room(std::size_t most) const {
  // `pause_writing` comes after a flush. What was written in this turn has not been flushed, so it is counted
  // here.
  return wire_ == nullptr || (!pressed_ && wire_->transport().queued() <= most);
}

bool StreamState::put(std::string_view bytes) {
  if (wire_ != nullptr) wire_->transport().write(bytes);
  return room();
}

bool StreamState::put(const FileToSend& part) {
  if (wire_ != nullptr) wire_->transport().send_file(part.file, part.offset, part.count);
  return room();
}

bool StreamState::put(const Slice& slice) {
  if (wire_ != nullptr) wire_->transport().write(slice);
  return room();
}

bool StreamState::put(std::span<const std::string_view> pieces) {
  if (wire_ != nullptr) wire_->transport().writelines(pieces);
  return room();
}

void StreamState::wait(Writing& writer) noexcept {
  writer.next = std::exchange(writers_, &writer);
}

void StreamState::forget(const Writing& writer) noexcept {
  for (Writing** at = &writers_; *at != nullptr; at = &(*at)->next) {
    if (*at != &writer) continue;
    *at = writer.next;
    return;
  }
}

// Those who wait stay in their places until they go on: the stream may be gone by then.

void StreamState::wake_all() {
  if (reader_ != nullptr) reader_->wake();
  wake_writers();
}

void StreamState::wake_writers() {
  for (Writing* writer = writers_; writer != nullptr; writer = writer->next) writer->wake();
}

void StreamState::forsake() noexcept {
  if (leaving_ != nullptr) std::exchange(leaving_, nullptr)->tell(nullptr);
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->forsaken();
  while (writers_ != nullptr) std::exchange(writers_, writers_->next)->forsaken();
}

void StreamState::fail(std::string_view operation) const {
  const std::string whom = concat(peer());
  if (broken_ && !closed_) throw SocketError(operation, whom, broken_);
  throw SocketError(operation, whom, std::make_error_code(std::errc::broken_pipe),
                    closed_ ? "the stream was closed here" : "the peer has closed the connection");
}

void StreamState::fail_gone(std::string_view operation) {
  throw SocketError(operation, {}, std::make_error_code(std::errc::connection_aborted),
                    "the stream was destroyed meanwhile");
}

Address StreamState::peer() const {
  return wire_ != nullptr ? wire_->transport().peer() : Address(peer_);
}

Address StreamState::host() const {
  return wire_ != nullptr ? wire_->transport().host() : Address();
}

Transport* StreamState::transport() const {
  return wire_ != nullptr ? &wire_->transport() : nullptr;
}

}  // namespace parley::detail
