#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "parley/stream/semaphore.h"
#include "parley/stream/task.h"

namespace parley {

// One at a time, across whatever is awaited meanwhile: asyncio's Lock. Between two `co_await`s nobody else
// runs, and none is needed.
//
//   const Permit held = co_await lock.acquire();
//
// A task that acquires it twice waits for itself.
class Lock {
 public:
  // Awaited, answers a Permit: who has it holds the lock. Whoever came first is next.
  [[nodiscard]] auto acquire() { return one_.acquire(); }
  // The same without waiting: none where somebody holds it.
  Permit try_acquire() noexcept { return one_.try_acquire(); }
  bool locked() const { return one_.available() == 0; }

 private:
  friend class Condition;

  Semaphore one_{1};
};

// Waits for what others change under a lock: asyncio's Condition. It refers to the lock, and must outlive
// those who wait.
class Condition {
  class Wait;

 public:
  explicit Condition(Lock& lock) : lock_(lock.one_) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  ~Condition() { assert(waiting_.empty()); }

  // Awaited, gives the lock back, waits to be notified, and holds it again when it returns: also when it
  // throws, since it was cancelled. Then the notification goes to another. Throws std::logic_error where
  // `held` is not this lock's.
  [[nodiscard]] Wait wait(Permit& held) { return Wait(*this, held); }
  // Waits until `met` answers true; it is asked with the lock held.
  template <class Predicate>
  Task<> wait_for(Permit& held, Predicate met) {
    while (!met()) co_await wait(held);
  }
  // So many of those who wait go on, one after another, as they get the lock.
  void notify(std::size_t count = 1) noexcept {
    for (; count > 0 && !waiting_.empty(); --count) {
      auto* const next = static_cast<Wait*>(waiting_.pop());
      next->notified_ = true;
      lock_.enqueue(*next);
    }
  }
  void notify_all() noexcept { notify(static_cast<std::size_t>(-1)); }

 private:
  class [[nodiscard]] Wait final : detail::PermitWaiter {
   public:
    using awaits_in = detail::Fiber;

    Wait(Condition& condition, Permit& held) : condition_(condition), held_(held) {}
    Wait(Wait&&) = default;
    ~Wait() {
      if (!waits()) return;
      if (!notified_ && !interrupted_) {
        condition_.waiting_.remove(*this);
      } else {  // it is in the list of the lock
        condition_.lock_.give_up(*this);
        if (!interrupted_) condition_.notify();
      }
    }

    bool await_ready() const {
      if (held_.from_ == &condition_.lock_) return false;
      throw std::logic_error("wait: the condition's lock is not held");
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
      if (!suspend(who)) return false;
      condition_.waiting_.push(*this);
      held_.release();
      return true;
    }
    void await_resume() {
      if (given_) held_ = Permit(condition_.lock_);
      if (interrupted_) detail::throw_cancelled();
      throw_if_cancelled();
    }

   private:
    friend class Condition;

    // It goes on once it has the lock.
    bool withdraw() noexcept override {
      if (std::exchange(interrupted_, true)) return false;
      if (notified_) {
        condition_.notify();
      } else {
        condition_.waiting_.remove(*this);
        condition_.lock_.enqueue(*this);
      }
      return false;
    }

    Condition& condition_;
    Permit& held_;
    bool notified_ = false;
    bool interrupted_ = false;
  };

  Semaphore& lock_;
  detail::Waiter::List waiting_;
};

}  // namespace parley
