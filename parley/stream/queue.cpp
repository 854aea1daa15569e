#include "parley/stream/queue.h"

namespace parley::detail {

void QueueWaiter::List::push(QueueWaiter& waiter) noexcept {
  waiter.queued_ = true;
  waiter.previous_ = last;
  (last == nullptr ? first : last->next_) = &waiter;
  last = &waiter;
}

QueueWaiter* QueueWaiter::List::pop() noexcept {
  QueueWaiter* const waiter = first;
  if (waiter != nullptr) remove(*waiter);
  return waiter;
}

void QueueWaiter::List::remove(QueueWaiter& waiter) noexcept {
  if (!std::exchange(waiter.queued_, false)) return;
  (waiter.previous_ == nullptr ? first : waiter.previous_->next_) = waiter.next_;
  (waiter.next_ == nullptr ? last : waiter.next_->previous_) = waiter.previous_;
  waiter.previous_ = waiter.next_ = nullptr;
}

}  // namespace parley::detail
