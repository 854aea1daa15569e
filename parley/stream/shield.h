#pragma once

#include <coroutine>
#include <utility>

#include "parley/stream/task.h"

namespace parley {

namespace detail {

template <class A>
class [[nodiscard]] ShieldAwaiter final {
 public:
  using awaits_in = Fiber;

  explicit ShieldAwaiter(A inner) : inner_(std::move(inner)) {}
  ShieldAwaiter(ShieldAwaiter&&) = default;
  ~ShieldAwaiter() = default;

  bool await_ready() { return inner_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    shield_.enter(fiber_of(who));
    entered_ = true;
    try {
      return suspend_in(inner_, who);
    } catch (...) {
      leave();
      throw;
    }
  }
  decltype(auto) await_resume() {
    // Only then: a deadline inside asks whether the whole was cancelled.
    struct Leaving {
      explicit Leaving(ShieldAwaiter& awaiter) : shielded(awaiter) {}
      Leaving(const Leaving&) = delete;
      Leaving& operator=(const Leaving&) = delete;
      ~Leaving() { shielded.leave(); }
      ShieldAwaiter& shielded;
    };
    const Leaving leaving(*this);
    return inner_.await_resume();
  }

 private:
  void leave() noexcept {
    if (std::exchange(entered_, false)) shield_.leave();
  }

  Shield shield_;
  bool entered_ = false;
  A inner_;  // goes first
};

}  // namespace detail

// Awaits something that must not be cut short, a goodbye to the peer say, also in a task that was cancelled
// already: answers what it answers. Whoever cancels the task, or a deadline around it, waits until it has
// ended; the task finds that at its next await. Deadlines inside hold: `shield(with_timeout(1s, ...))`. What
// asyncio's shield does not do, this waits, so that what is awaited may refer to the task's locals. A task
// that is dropped is dropped here too.
template <class A>
[[nodiscard]] auto shield(A awaitable) {
  using Awaiter = detail::AwaiterOf<A>;
  return detail::ShieldAwaiter<Awaiter>(detail::awaiter_of(std::move(awaitable)));
}

}  // namespace parley
