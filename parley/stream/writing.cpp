#include "parley/stream/writing.h"

#include <system_error>

#include "parley/base/print.h"
#include "parley/socket/error.h"

namespace parley::detail {

void Writing::listen() {
  state_->wait(*this);
  if (!state_->is_pressed()) look_again();
}

// What was written leaves at the end of the turn. Only if the kernel does not take it will somebody say so.
void Writing::look_again() {
  flushed_ = fiber().reactor().call_later(Duration::zero(), [this] {
    if (state_->room()) return resume();
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
  if (state_ == nullptr) {
    throw SocketError(operation, {}, std::make_error_code(std::errc::connection_aborted),
                      "the stream was destroyed meanwhile");
  }
  if (!state_->connected()) state_->fail(operation);
}

std::string Writing::where() const {
  return state_ != nullptr ? format(state_->peer()) : std::string();
}

}  // namespace parley::detail
