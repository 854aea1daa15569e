// The operations of a stream, where they wait.

#include <algorithm>
#include <cassert>
#include <cstring>
#include <stdexcept>
#include <string>

#include "parley/base/print.h"
#include "parley/stream/stream.h"

namespace parley::detail {

namespace {

[[noreturn]] void throw_gone(std::string_view operation) {
  throw SocketError(operation, {}, std::make_error_code(std::errc::connection_aborted),
                    "the stream was destroyed meanwhile");
}

}  // namespace

// Reading.

// What was read before is not in use any more.
void Reading::begin() {
  if (stream_->reader_ != nullptr) {
    throw std::logic_error("a stream is read by one task at a time");
  }
  stream_->read_buffer_.settle();
}

void Reading::listen() noexcept {
  stream_->reader_ = this;
  // It was paused when nobody read (Stream::received).
  if (stream_->paused_ && stream_->wire_ != nullptr) {
    stream_->paused_ = false;
    stream_->wire_->transport().resume_reading();
  }
}

Stream& Reading::done() {
  if (stream_ != nullptr && stream_->reader_ == this) stream_->reader_ = nullptr;
  throw_if_cancelled();
  if (stream_ == nullptr) throw_gone("read");
  return *stream_;
}

bool Reading::withdraw() noexcept {
  if (stream_ != nullptr) stream_->reader_ = nullptr;
  return true;
}

std::string Reading::where() const {
  return stream_ != nullptr ? format(stream_->peer()) : std::string();
}

bool ReadSome::satisfied() {
  return !stream_->read_buffer_.empty() || stream_->input_over();
}

std::optional<std::string_view> ReadSome::await_resume() {
  Stream& stream = done();
  if (!stream.read_buffer_.empty()) return stream.read_buffer_.lend(stream.read_buffer_.size());
  stream.throw_if_broken(operation);
  return std::nullopt;
}

bool ReadExactly::satisfied() {
  return stream_->read_buffer_.size() >= count_ || count_ > limit_ || stream_->input_over();
}

std::string_view ReadExactly::await_resume() {
  Stream& stream = done();
  if (count_ > limit_) throw LimitExceeded(operation, where(), limit_);
  ReadBuffer& buffer = stream.read_buffer_;
  if (buffer.size() >= count_) return buffer.lend(count_);
  stream.throw_if_broken(operation);
  throw IncompleteRead(operation, where(), format(count_), std::string(buffer.lend(buffer.size())));
}

ReadDelimited::ReadDelimited(Stream& stream, std::string_view end, std::size_t limit)
    : Reading(stream), end_(end), limit_(limit) {
  if (end.empty()) throw std::invalid_argument("read_until: the end must not be empty");
}

bool ReadDelimited::satisfied() {
  const std::string_view held = stream_->read_buffer_.held();
  // Beyond the limit nothing needs to be looked at: an end there is too far away.
  // The end itself, and the '\r' before it that does not count for `read_line`.
  const std::size_t more = end_.size() + 1;
  const std::size_t most = limit_ > nowhere - more ? nowhere : limit_ + more;
  found_ = held.substr(0, most).find(end_, looked_);
  if (found_ != nowhere) return true;
  // The end may have begun in the last bytes: those are looked at again when more has come.
  if (held.size() >= end_.size()) looked_ = held.size() - end_.size() + 1;
  return held.size() >= most || stream_->input_over();
}

std::string_view ReadUntil::await_resume() {
  Stream& stream = done();
  ReadBuffer& buffer = stream.read_buffer_;
  const std::size_t whole = found_ == nowhere ? buffer.size() : found_ + end_.size();
  if (whole > limit_) throw LimitExceeded(operation, where(), limit_);
  if (found_ != nowhere) return buffer.lend(whole);
  stream.throw_if_broken(operation);
  throw IncompleteRead(operation, where(), format('"', end_, '"'), std::string(buffer.lend(whole)));
}

std::optional<std::string_view> ReadLine::await_resume() {
  Stream& stream = done();
  ReadBuffer& buffer = stream.read_buffer_;
  const bool ends = found_ != nowhere;
  std::size_t length = ends ? found_ : buffer.size();
  const bool with_return = ends && length > 0 && buffer.held()[length - 1] == '\r';
  if (with_return) --length;
  if (length > limit_) throw LimitExceeded(operation, where(), limit_);
  if (!ends) {
    stream.throw_if_broken(operation);
    if (length == 0) return std::nullopt;
  }
  const std::string_view line = buffer.lend(length);
  if (ends) buffer.skip(with_return ? 2 : 1);
  return line;
}

// Writing.

void Writing::listen() {
  next_ = std::exchange(stream_->writers_, this);
  if (!stream_->pressed_) look_again();
}

// What was written leaves at the end of the turn. Only if the kernel does not take it will somebody say so.
void Writing::look_again() {
  flushed_ = fiber().reactor().call_later(Duration::zero(), [this] {
    if (stream_->room()) return resume();
    if (!stream_->pressed_) look_again();
  });
}

bool Writing::withdraw() noexcept {
  flushed_.cancel();
  if (stream_ != nullptr) stream_->forget(*this);
  return true;
}

void Writing::finish() {
  flushed_.cancel();
  if (stream_ != nullptr) stream_->forget(*this);
  throw_if_cancelled();
  if (stream_ == nullptr) throw_gone(operation);
  if (stream_->wire_ == nullptr) stream_->fail(operation);
}

std::string Writing::where() const {
  return stream_ != nullptr ? format(stream_->peer()) : std::string();
}

}  // namespace parley::detail
