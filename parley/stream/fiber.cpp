#include "parley/stream/fiber.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

#include "parley/stream/alarm.h"

namespace parley {

namespace {
// One for each thread: reactors on several threads run tasks side by side.
constinit thread_local detail::Fiber* running_fiber = nullptr;
}  // namespace

Reactor& current_reactor() {
  if (running_fiber == nullptr) {
    throw std::logic_error("no task is running on this thread: begin one with run or spawn");
  }
  return running_fiber->reactor();
}

bool stop_requested() {
  return running_fiber != nullptr && running_fiber->stop_requested();
}

namespace detail {

Why make_why(std::string_view reason) {
  return reason.empty() ? nullptr : std::make_shared<const std::string>(reason);
}

void throw_cancelled() {
  throw running_fiber != nullptr ? Cancelled(running_fiber->why()) : Cancelled();
}

Fiber* Fiber::running() {
  return running_fiber;
}

Fiber::Fiber(Reactor& reactor) : reactor_(reactor) {}

Fiber::~Fiber() {
  assert(running_fiber != this && "a task may not destroy what runs it");
  if (scheduled_) soon_.cancel();
}

void Fiber::start() {
  started_ = true;
  // Cancelled before it began: its code never runs.
  if (cancelled_) {
    finished_ = true;
    return ended();
  }
  resume(next_);
}

void Fiber::start_soon() {
  schedule();
}

void Fiber::resume(std::coroutine_handle<> at) noexcept {
  // It goes on now, and must not go on once more in the next turn.
  if (scheduled_) {
    scheduled_ = false;
    soon_.cancel();
  }
  // A task may start another one in the middle of its own code, which then runs inside it.
  Fiber* const outer = std::exchange(running_fiber, this);
  at_ = nullptr;
  while (at) {
    next_ = nullptr;
    at.resume();
    at = next_;
  }
  running_fiber = outer;
  if (!finished_) return;
  alarm_.reset();  // whoever keeps the answer of a task that has ended keeps no timer
  ended();         // last: it may destroy this
}

// By a timer, and not at once: whoever asks for it may be in the middle of something, and the task could
// destroy it.
void Fiber::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  soon_ = reactor_.call_later(Duration::zero(), [this] { resume_scheduled(); });
}

void Fiber::resume_scheduled() noexcept {
  scheduled_ = false;
  if (!started_) return start();
  at_->resume();
}

void Fiber::cancel(const Why& why) noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  why_ = why;
  request_stop(nullptr);
}

// Of the part that stands in `within`, and all that it has entered since.
void Fiber::request_stop(const Shield* within) noexcept {
  ++cancels_of(within);
  if (shield_ == within) interrupt();
}

// A shield that was entered later keeps them back.
std::uint32_t& Fiber::cancels_of(const Shield* within) noexcept {
  if (shield_ == within) return cancels_;
  Shield* shield = shield_;
  while (shield->outer_ != within) shield = shield->outer_;
  return shield->held_;
}

// One that runs, or has not started, finds out for itself.
void Fiber::interrupt() noexcept {
  if (at_ == nullptr || at_->cancelled_ || !at_->withdraw()) return;
  at_->cancelled_ = true;
  schedule();
}

bool Suspension::suspend(Fiber& fiber, std::coroutine_handle<> who) noexcept {
  if (fiber.stop_requested()) {
    cancelled_ = true;
    return false;
  }
  suspend_even_so(fiber, who);
  return true;
}

void Suspension::suspend_even_so(Fiber& fiber, std::coroutine_handle<> who) noexcept {
  fiber_ = &fiber;
  who_ = who;
  fiber.at_ = this;
}

void Suspension::resume() noexcept {
  std::exchange(fiber_, nullptr)->resume(who_);
}

void Suspension::wake() {
  fiber_->schedule();
}

void TimedScope::enter(Fiber& fiber, Duration after) {
  enter(fiber, later(fiber.reactor_.clock().now(), std::max(after, Duration::zero())));
}

void TimedScope::enter(Fiber& fiber, Time until) {
  if (fiber.alarm_ == nullptr) fiber.alarm_ = std::make_unique<Alarm>(fiber.reactor_);
  fiber.alarm_->add(*this, until);
  fiber_ = &fiber;
  within_ = fiber.shield_;
}

bool TimedScope::move(Time until) {
  if (cancelled_) return false;
  fiber_->alarm_->move(*this, until);
  return true;
}

void TimedScope::cancel() noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  fiber_->request_stop(within_);
}

bool TimedScope::leave() noexcept {
  if (fiber_ == nullptr) return cancelled_;
  fiber_->alarm_->remove(*this);
  // It was this part alone that was cancelled: what comes after it waits as before.
  // A shield inside it may be left only later, and holds it until then.
  if (cancelled_) --fiber_->cancels_of(within_);
  fiber_ = nullptr;
  return cancelled_;
}

void Shield::enter(Fiber& fiber) noexcept {
  fiber_ = &fiber;
  outer_ = std::exchange(fiber.shield_, this);
  held_ = std::exchange(fiber.cancels_, 0);
}

void Shield::leave() noexcept {
  fiber_->shield_ = outer_;
  fiber_->cancels_ += held_;
  fiber_ = nullptr;
}

}  // namespace detail

}  // namespace parley
