#include "parley/stream/reading.h"

#include <stdexcept>

#include "parley/base/print.h"
#include "parley/stream/error.h"

namespace parley::detail {

StreamState& Reading::done() {
  if (state_ != nullptr) state_->forget(*this);
  throw_if_cancelled();
  if (state_ == nullptr) StreamState::fail_gone("read");
  return *state_;
}

bool Reading::withdraw() noexcept {
  if (state_ != nullptr) state_->forget(*this);
  return true;
}

std::string Reading::where() const {
  return state_ != nullptr ? concat(state_->peer()) : std::string();
}

bool ReadSome::satisfied() {
  return !state_->input().empty() || state_->input_over();
}

std::optional<std::string_view> ReadSome::await_resume() {
  StreamState& state = done();
  if (!state.input().empty()) return state.input().lend(state.input().size());
  state.throw_if_broken(operation);
  return std::nullopt;
}

bool ReadAtMost::satisfied() {
  return !state_->input().empty() || state_->input_over();
}

std::optional<std::string_view> ReadAtMost::await_resume() {
  StreamState& state = done();
  if (!state.input().empty()) return state.input().lend(most_);
  state.throw_if_broken(operation);
  if (most_ == 0 && !state.input_over()) return std::string_view();
  return std::nullopt;
}

bool ReadExactly::satisfied() {
  return state_->input().size() >= count_ || count_ > limit_ || state_->input_over();
}

std::string_view ReadExactly::await_resume() {
  StreamState& state = done();
  if (count_ > limit_) throw LimitExceeded(operation, where(), limit_);
  ReadBuffer& input = state.input();
  if (input.size() >= count_) return input.lend(count_);
  state.throw_if_broken(operation);
  throw IncompleteRead(operation, where(), concat(count_), std::string(input.lend(input.size())));
}

bool Fill::satisfied() {
  return state_->input().size() >= at_least_ || at_least_ > limit_ || state_->input_over();
}

std::string_view Fill::await_resume() {
  StreamState& state = done();
  if (at_least_ > limit_) throw LimitExceeded(operation, where(), limit_);
  if (state.input().size() < at_least_) state.throw_if_broken(operation);
  return state.input().show();
}

ReadDelimited::ReadDelimited(StreamState& state, std::string_view end, std::size_t limit, Counted counted)
    : Reading(state), end_(end), limit_(limit), counted_(counted) {
  if (end.empty()) throw std::invalid_argument("read_until: the end must not be empty");
  if (limit == 0) {
    throw std::invalid_argument(concat(counted == Counted::line ? "read_line" : "read_until",
                                       ": a limit of 0 bytes lets nothing pass"));
  }
}

bool ReadDelimited::passed(std::string_view held) const {
  // A '\r' that comes last may belong to the end of the line.
  const bool may_end = counted_ == Counted::line && held.ends_with('\r');
  return held.size() - (may_end ? 1 : 0) > limit_;
}

bool ReadDelimited::satisfied() {
  std::string_view held = state_->input().held();
  // An end that lies further away than this is too far, so it is not looked for.
  const std::size_t more = counted_ == Counted::line ? 2 : 0;
  const std::size_t most = limit_ > nowhere - more ? nowhere : limit_ + more;
  const std::string_view looked_at = held.substr(0, most);
  found_ = looked_at.find(end_, looked_);
  if (found_ != nowhere) return true;
  // The end may have begun in the last bytes: those are looked at again when more has come.
  if (looked_at.size() >= end_.size()) looked_ = looked_at.size() - end_.size() + 1;
  return passed(held) || state_->input_over();
}

std::string_view ReadUntil::await_resume() {
  StreamState& state = done();
  ReadBuffer& input = state.input();
  if (found_ != nowhere) return input.lend(found_ + end_.size());
  if (passed(input.held())) throw LimitExceeded(operation, where(), limit_);
  state.throw_if_broken(operation);
  throw IncompleteRead(operation, where(), concat('"', end_, '"'), std::string(input.lend(input.size())));
}

std::optional<std::string_view> ReadLine::await_resume() {
  StreamState& state = done();
  ReadBuffer& input = state.input();
  const bool ends = found_ != nowhere;
  std::size_t length = ends ? found_ : input.size();
  const bool with_return = ends && length > 0 && input.held()[length - 1] == '\r';
  if (with_return) --length;
  if (length > limit_) throw LimitExceeded(operation, where(), limit_);
  if (!ends) {
    state.throw_if_broken(operation);
    if (length == 0) return std::nullopt;
  }
  const std::string_view line = input.lend(length);
  if (ends) input.skip(with_return ? 2 : 1);
  return line;
}

}  // namespace parley::detail
