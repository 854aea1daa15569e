#include "parley/stream/nursery.h"

#include <stdexcept>

namespace parley::detail {

Member::Member(Nursery& nursery) : Fiber(nursery.reactor()), nursery_(nursery), next_(nursery.first_) {
  if (next_ != nullptr) next_->previous_ = this;
  nursery.first_ = this;
  ++nursery.size_;
}

Member::~Member() {
  // One that has ended was taken out by `ended`.
  if (!finished()) nursery_.remove(*this);
}

void Member::ended() noexcept {
  nursery_.remove(*this);
  nursery_.on_ended(*this);
}

void Nursery::remove(Member& member) noexcept {
  (member.previous_ == nullptr ? first_ : member.previous_->next_) = member.next_;
  if (member.next_ != nullptr) member.next_->previous_ = member.previous_;
  expect_no_more(1);
}

// Whoever joins goes on in the next turn, and not from here: `on_ended` is still to come, and the joining
// task may destroy the group.
void Nursery::expect_no_more(std::size_t count) noexcept {
  size_ -= count;
  if (size_ == 0 && joining_ != nullptr) std::exchange(joining_, nullptr)->wake();
}

// Nobody runs here: who is cancelled goes on in the next turn.
void Nursery::cancel_all(const Why& why) noexcept {
  for (Member* member = first_; member != nullptr; member = member->next_) member->cancel(why);
}

bool Nursery::Join::await_ready() const {
  if (nursery_.size_ == 0) return true;
  if (nursery_.joining_ != nullptr) throw std::logic_error("join: one task at a time waits for these tasks");
  return false;
}

void Nursery::Join::begin(Fiber& fiber, std::coroutine_handle<> who) noexcept {
  nursery_.joining_ = this;
  // A group must not go before its members have ended. So a cancelled task waits for them too, and cancels
  // them.
  suspend_even_so(fiber, who);
  if (fiber.stop_requested()) withdraw();
}

// The nursery may be used again.
void Nursery::Join::leave() noexcept {
  if (nursery_.joining_ == this) nursery_.joining_ = nullptr;
  if (interrupted_) nursery_.ending_ = false;
}

bool Nursery::Join::withdraw() noexcept {
  interrupted_ = true;
  nursery_.ending_ = true;
  nursery_.cancel_all(fiber().why());
  return false;
}

}  // namespace parley::detail
