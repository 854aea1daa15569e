#include "parley/stream/alarm.h"

#include <algorithm>
#include <optional>

#include "parley/stream/fiber.h"

namespace parley::detail {

void Alarm::add(TimedScope& scope, Time until) {
  move(scope, until);
  scope.outer_ = innermost_;
  innermost_ = &scope;
}

void Alarm::move(TimedScope& scope, Time until) {
  scope.until_ = until;
  if (!timer_.active() || until < set_for_) set(until);
}

void Alarm::remove(const TimedScope& scope) noexcept {
  for (TimedScope** at = &innermost_; *at != nullptr; at = &(*at)->outer_) {
    if (*at != &scope) continue;
    *at = scope.outer_;
    return;
  }
}

// None of those whose time is over goes on from here: the task does, in the next turn.
void Alarm::ring() {
  std::optional<Time> next;
  for (TimedScope* scope = innermost_; scope != nullptr; scope = scope->outer_) {
    if (scope->until_ <= reactor_.now()) {
      scope->cancel();
    } else {
      next = next ? std::min(*next, scope->until_) : scope->until_;
    }
  }
  if (next) set(*next);
}

void Alarm::set(Time until) {
  const Duration after = until - reactor_.clock().now();
  if (timer_.active()) {
    timer_.reset(after);  // cannot fail: those that stand in the outer deadlines keep their timer
  } else {
    timer_ = reactor_.call_later(after, [this] { ring(); });
  }
  set_for_ = until;
}

}  // namespace parley::detail
