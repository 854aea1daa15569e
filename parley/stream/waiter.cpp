#include "parley/stream/waiter.h"

#include <utility>

namespace parley::detail {

void Waiter::List::push(Waiter& waiter) noexcept {
  waiter.queued_ = true;
  waiter.previous_ = last;
  (last == nullptr ? first : last->next_) = &waiter;
  last = &waiter;
}

Waiter* Waiter::List::pop() noexcept {
  Waiter* const waiter = first;
  if (waiter != nullptr) remove(*waiter);
  return waiter;
}

void Waiter::List::remove(Waiter& waiter) noexcept {
  if (!std::exchange(waiter.queued_, false)) return;
  (waiter.previous_ == nullptr ? first : waiter.previous_->next_) = waiter.next_;
  (waiter.next_ == nullptr ? last : waiter.next_->previous_) = waiter.previous_;
  waiter.previous_ = waiter.next_ = nullptr;
}

void Waiter::List::wake_all() {
  while (Waiter* const waiter = pop()) waiter->wake();
}

}  // namespace parley::detail
