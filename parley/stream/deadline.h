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

// By when something must be done, where that may change while it is being done: asyncio's timeout(), which is
// rescheduled. It may stand around several awaits, one after another, which then share its time.
//
//   Deadline deadline(30s);
//   co_await with_timeout(deadline, upload(peer, deadline));  // which calls `deadline.reschedule(30s)`
//
// Inside a task, on its thread. Duration::max(): never.
class Deadline {
 public:
  // So long from now; or at that time of the reactor's clock.
  explicit Deadline(Duration after);
  explicit Deadline(Time when);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  Time when() const { return until_; }
  // From now on it is then. False, and nothing changes, where its time was over and what stands in it is
  // being cancelled.
  bool reschedule(Duration after);
  bool reschedule(Time when);
  // Whether it has cancelled what stands in it, or stood there last.
  bool expired() const { return scope_ ? scope_->cancelled() : expired_; }

  // For what is awaited under it. Throws std::logic_error where something is already.
  void enter(detail::Fiber& fiber);
  bool leave() noexcept;
  // How long it was, from its beginning.
  Duration length() const { return until_ - begun_; }

 private:
  Reactor& reactor_;
  Time begun_;
  Time until_;
  bool expired_ = false;
  std::optional<detail::TimedScope> scope_;  // while something stands in it
};

namespace detail {

// How an await is timed: by its own time, or by a Deadline.
class TimedFor {
 public:
  explicit TimedFor(Duration after) : after_(after) {}
  void enter(Fiber& fiber) { scope_.enter(fiber, after_); }
  bool leave() noexcept { return scope_.leave(); }
  Duration length() const { return after_; }

 private:
  Duration after_;
  TimedScope scope_;
};
class TimedBy {
 public:
  explicit TimedBy(Deadline& deadline) : deadline_(&deadline) {}
  TimedBy(TimedBy&& other) noexcept = default;
  ~TimedBy() { leave(); }
  void enter(Fiber& fiber) {
    deadline_->enter(fiber);
    entered_ = true;
  }
  bool leave() noexcept { return std::exchange(entered_, false) && deadline_->leave(); }
  Duration length() const { return deadline_->length(); }

 private:
  Deadline* deadline_;
  bool entered_ = false;
};

// A deadline around an awaiter. Nothing is timed when there is no need to wait.
template <class A, class Timed>
class TimedAwaiter {
 public:
  using awaits_in = Fiber;

  TimedAwaiter(Timed timed, A inner) : timed_(std::move(timed)), inner_(std::move(inner)) {}
  TimedAwaiter(TimedAwaiter&&) = default;
  ~TimedAwaiter() = default;

  bool await_ready() { return inner_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    fiber_ = &fiber_of(who);
    timed_.enter(*fiber_);
    try {
      return suspend_in(inner_, who);
    } catch (...) {
      timed_.leave();  // now: the awaiter may outlive the task
      throw;
    }
  }

 protected:
  // The inner answer, or that of `late`, if it was this deadline that kept it from answering.
  template <class Answer, class Late>
  Answer outcome(Late late) {
    if (!timed_.leave()) return Answer(inner_.await_resume());
    try {
      return Answer(inner_.await_resume());
    } catch (const Cancelled&) {
      if (fiber_->stop_requested()) throw;  // the whole is to end, not this part alone
    }
    return late();
  }

  Fiber* fiber_ = nullptr;
  Timed timed_;
  A inner_;  // goes first
};

// What it is called where it has no name.
struct Unlabelled {};

template <class A, class Timed, class Label>
class [[nodiscard]] WithTimeoutAwaiter final : public TimedAwaiter<A, Timed> {
 public:
  WithTimeoutAwaiter(Timed timed, A inner, Label label)
      : TimedAwaiter<A, Timed>(std::move(timed), std::move(inner)), label_(std::move(label)) {}

  decltype(auto) await_resume() {
    using Answer = decltype(this->inner_.await_resume());
    return this->template outcome<Answer>([this]() -> Answer {
      std::string where;
      if constexpr (requires { this->inner_.where(); }) where = this->inner_.where();
      throw Timeout(operation(), where, this->timed_.length());
    });
  }

 private:
  std::string_view operation() const {
    if constexpr (!std::is_same_v<Label, Unlabelled>) {
      return label_;
    } else if constexpr (requires { this->inner_.where(); }) {
      return A::operation;
    } else {
      return "with_timeout";
    }
  }

  [[no_unique_address]] Label label_;
};

template <class A, class Timed>
class [[nodiscard]] WithinAwaiter final : public TimedAwaiter<A, Timed> {
 public:
  using TimedAwaiter<A, Timed>::TimedAwaiter;
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

template <class Timed, class A, class Label>
auto timed(Timed timed, A awaitable, Label label) {
  return WithTimeoutAwaiter<AwaiterOf<A>, Timed, Label>(std::move(timed), awaiter_of(std::move(awaitable)),
                                                        std::move(label));
}
template <class Timed, class A>
auto timed_within(Timed timed, A awaitable) {
  return WithinAwaiter<AwaiterOf<A>, Timed>(std::move(timed), awaiter_of(std::move(awaitable)));
}

}  // namespace detail

// Awaits something for at most so long: answers what it answers. When the time is over, what it was doing is
// cancelled, has ended, and holds nothing any more, before Timeout is thrown here. What the awaited itself
// throws comes through; a Timeout that is one of those cannot be told from this one (`within` can).
template <class A>
[[nodiscard]] auto with_timeout(Duration after, A awaitable) {
  return detail::timed(detail::TimedFor(after), std::move(awaitable), detail::Unlabelled());
}
// The same under a Deadline, which must outlive it.
template <class A>
[[nodiscard]] auto with_timeout(Deadline& deadline, A awaitable) {
  return detail::timed(detail::TimedBy(deadline), std::move(awaitable), detail::Unlabelled());
}
// The same; the error says by `label` what was not done in time: `login: timed out after 2 min`.
template <class A>
[[nodiscard]] auto with_timeout(Duration after, A awaitable, std::string label) {
  return detail::timed(detail::TimedFor(after), std::move(awaitable), std::move(label));
}
template <class A>
[[nodiscard]] auto with_timeout(Deadline& deadline, A awaitable, std::string label) {
  return detail::timed(detail::TimedBy(deadline), std::move(awaitable), std::move(label));
}

// The same, but until a time of the reactor's clock (`current_reactor().now() + 5s`): asyncio's timeout_at.
template <class A>
[[nodiscard]] auto timeout_at(Time when, A awaitable) {
  return with_timeout(when - current_reactor().clock().now(), std::move(awaitable));
}
template <class A>
[[nodiscard]] auto timeout_at(Time when, A awaitable, std::string label) {
  return with_timeout(when - current_reactor().clock().now(), std::move(awaitable), std::move(label));
}

// As with_timeout, but answers an optional that is empty when the time is over (of nothing: whether it was
// done in time). Every Timeout that it throws comes from inside.
template <class A>
[[nodiscard]] auto within(Duration after, A awaitable) {
  return detail::timed_within(detail::TimedFor(after), std::move(awaitable));
}
template <class A>
[[nodiscard]] auto within(Deadline& deadline, A awaitable) {
  return detail::timed_within(detail::TimedBy(deadline), std::move(awaitable));
}

}  // namespace parley
