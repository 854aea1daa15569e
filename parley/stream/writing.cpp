#include "parley/stream/writing.h"

#include <algorithm>

#include "parley/base/print.h"

namespace parley::detail {

void Writing::listen() {
  state_->wait(*this);
  if (!state_->is_pressed()) look_again();
}

// What was written leaves at the end of the turn. Only if the kernel does not take it will somebody say so,
// and only beyond the reactor's own limit: what lies between the two is not looked at again and again.
void Writing::look_again() {
  flushed_ = fiber().reactor().call_later(Duration::zero(), [this] {
    const std::size_t most = fiber().reactor().limits().high_water;
    if (state_->room(std::max(StreamState::high_water, most))) return resume();
    if (!state_->is_pressed()) look_again();
  });
}

bool Writing::withdraw() noexcept {
  flushed_.cancel();
  if (state_ != nullptr) state_->forget(*this);
  return true;
}

void Writing::finish() {
  withdraw();
  throw_if_cancelled();
  if (state_ == nullptr) StreamState::fail_gone(operation);
  if (!state_->connected()) state_->fail(operation);
}

void Closed::await_resume() {
  withdraw();
  throw_if_cancelled();
  if (state_ == nullptr) StreamState::fail_gone(operation);
  state_->throw_if_undelivered(operation);
}

std::string Writing::where() const {
  return state_ != nullptr ? concat(state_->peer()) : std::string();
}

}  // namespace parley::detail
