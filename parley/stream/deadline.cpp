#include "parley/stream/deadline.h"

#include <algorithm>
#include <stdexcept>

namespace parley {

Deadline::Deadline(Duration after)
    : reactor_(current_reactor()), begun_(reactor_.clock().now()), until_(later(begun_, after)) {}
Deadline::Deadline(Time when) : reactor_(current_reactor()), begun_(reactor_.clock().now()), until_(when) {}

bool Deadline::reschedule(Duration after) {
  return reschedule(later(reactor_.clock().now(), after));
}

bool Deadline::reschedule(Time when) {
  if (scope_ && !scope_->move(when)) return false;
  until_ = when;
  return true;
}

void Deadline::enter(detail::Fiber& fiber) {
  if (scope_) throw std::logic_error("a deadline stands around one await at a time");
  expired_ = false;
  scope_.emplace();
  scope_->enter(fiber, until_);
}

bool Deadline::leave() noexcept {
  expired_ = scope_->leave();  // NOLINT(bugprone-unchecked-optional-access): `enter` came before
  scope_.reset();
  return expired_;
}

}  // namespace parley
