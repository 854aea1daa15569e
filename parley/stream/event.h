#pragma once

#include <cassert>
#include <coroutine>

#include "parley/stream/fiber.h"
#include "parley/stream/waiter.h"

namespace parley {

// Something that happens once, for all who wait for it: asyncio's Event. Used on one thread; it must outlive
// those who wait.
class Event {
  class Wait;

 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { assert(waiting_.empty()); }

  bool is_set() const { return set_; }
  // Those who wait go on in the next turn, also where it is cleared before; whoever comes later does not
  // wait, until `clear`.
  void set() {
    set_ = true;
    waiting_.wake_all();
  }
  void clear() { set_ = false; }
  // Awaited, returns as soon as it is set.
  [[nodiscard]] Wait wait() { return Wait(*this); }

 private:
  class [[nodiscard]] Wait final : detail::Waiter {
   public:
    using awaits_in = detail::Fiber;

    explicit Wait(Event& event) : event_(event) {}
    Wait(Wait&&) = default;
    ~Wait() {
      if (waits()) withdraw();
    }

    bool await_ready() const noexcept { return event_.set_; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
      if (!suspend(who)) return false;
      event_.waiting_.push(*this);
      return true;
    }
    void await_resume() const { throw_if_cancelled(); }

   private:
    bool withdraw() noexcept override {
      event_.waiting_.remove(*this);
      return true;
    }

    Event& event_;
  };

  bool set_ = false;
  detail::Waiter::List waiting_;
};

}  // namespace parley
