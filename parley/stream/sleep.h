#pragma once

#include <coroutine>

#include "parley/base/clock.h"
#include "parley/stream/fiber.h"

namespace parley {

namespace detail {

class [[nodiscard]] SleepAwaiter final : Suspension {
 public:
  using awaits_in = Fiber;

  explicit SleepAwaiter(Duration time) : time_(time) {}
  SleepAwaiter(SleepAwaiter&&) = default;
  ~SleepAwaiter() {
    if (waits()) withdraw();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    if (!suspend(who)) return false;
    timer_ = fiber().reactor().call_later(time_, [this] { resume(); });
    return true;
  }
  void await_resume() const { throw_if_cancelled(); }

 private:
  bool withdraw() noexcept override {
    timer_.cancel();
    return true;
  }

  Duration time_;
  Timer timer_;
};

}  // namespace detail

// Waits until the time has passed, and at least until the next turn: `co_await sleep(0s)` lets the others
// run. Others run meanwhile.
[[nodiscard]] inline detail::SleepAwaiter sleep(Duration time) {
  return detail::SleepAwaiter(time);
}

}  // namespace parley
