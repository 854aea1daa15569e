#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "parley/base/clock.h"
#include "parley/socket/error.h"
#include "parley/stream/task.h"

namespace parley {

namespace detail {

// A deadline around an awaiter. Nothing is timed when there is no need to wait.
template <class A>
class TimedAwaiter {
 public:
  using awaits_in = Fiber;

  TimedAwaiter(Duration after, A inner) : after_(after), inner_(std::move(inner)) {}
  TimedAwaiter(TimedAwaiter&&) = default;
  ~TimedAwaiter() = default;

  bool await_ready() { return inner_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    fiber_ = &fiber_of(who);
    scope_.enter(*fiber_, after_);
    return suspend_in(inner_, who);
  }

 protected:
  // The inner answer, or that of `late`, if it was this deadline that kept it from answering.
  template <class Answer, class Late>
  Answer outcome(Late late) {
    if (!scope_.leave()) return Answer(inner_.await_resume());
    try {
      return Answer(inner_.await_resume());
    } catch (const Cancelled&) {
      if (fiber_->stop_requested()) throw;  // the whole is to end, not this part alone
    }
    return late();
  }

  Duration after_;
  Fiber* fiber_ = nullptr;
  TimedScope scope_;
  A inner_;  // goes first
};

template <class A>
class [[nodiscard]] WithTimeoutAwaiter final : public TimedAwaiter<A> {
 public:
  using TimedAwaiter<A>::TimedAwaiter;
  decltype(auto) await_resume() {
    using Answer = decltype(this->inner_.await_resume());
    return this->template outcome<Answer>([this]() -> Answer {
      if constexpr (requires { this->inner_.where(); }) {
        throw Timeout(A::operation, this->inner_.where(), this->after_);
      } else {
        throw Timeout("with_timeout", {}, this->after_);
      }
    });
  }
};

template <class A>
class [[nodiscard]] WithinAwaiter final : public TimedAwaiter<A> {
 public:
  using TimedAwaiter<A>::TimedAwaiter;
  auto await_resume() {
    using Inner = decltype(this->inner_.await_resume());
    if constexpr (std::is_void_v<Inner>) {
      bool in_time = true;
      this->template outcome<void>([&in_time] { in_time = false; });
      return in_time;
    } else {
      return this->template outcome<std::optional<Inner>>([] { return std::optional<Inner>(); });
    }
  }
};

}  // namespace detail

// Awaits something for at most so long: answers what it answers. When the time is over, what it was doing is
// cancelled, has ended, and holds nothing any more, before Timeout is thrown here. What the awaited itself
// throws comes through; a Timeout that is one of those cannot be told from this one (`within` can).
template <class A>
[[nodiscard]] auto with_timeout(Duration after, A awaitable) {
  using Awaiter = detail::AwaiterOf<A>;
  return detail::WithTimeoutAwaiter<Awaiter>(after, detail::awaiter_of(std::move(awaitable)));
}

// The same, but answers an optional that is empty when the time is over (of nothing: whether it was done in
// time). Every Timeout that it throws comes from inside.
template <class A>
[[nodiscard]] auto within(Duration after, A awaitable) {
  using Awaiter = detail::AwaiterOf<A>;
  return detail::WithinAwaiter<Awaiter>(after, detail::awaiter_of(std::move(awaitable)));
}

}  // namespace parley
