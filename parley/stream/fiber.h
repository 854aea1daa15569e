#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "parley/base/clock.h"
#include "parley/reactor/reactor.h"

namespace parley {

// What a cancelled task finds where it waits: it is thrown there, and at each further place where the task
// would wait, until the task has ended. Not a std::exception, so that `catch (const std::exception&)`, which
// means "this went wrong", does not take it for an error and go on. Whoever catches it throws it again.
class Cancelled {
 public:
  Cancelled() = default;
  explicit Cancelled(std::shared_ptr<const std::string> reason) noexcept : reason_(std::move(reason)) {}

  // What was given to the `cancel` that began it; empty where nothing was. `run` says SIGINT and SIGTERM.
  std::string_view reason() const noexcept { return reason_ ? std::string_view(*reason_) : ""; }

 private:
  std::shared_ptr<const std::string> reason_;  // shared: a copy of an exception must not throw
};

// The reactor that runs the current task. Throws std::logic_error outside a task.
Reactor& current_reactor();

// Whether the current task was cancelled, by its group, a deadline around it, or whoever waits for it: for
// long computations, which wait for nothing. False outside a task.
bool stop_requested();

namespace detail {

class Alarm;
class Shield;
class Suspension;
class TimedScope;

// Why something was cancelled; null: nobody said.
using Why = std::shared_ptr<const std::string>;
Why make_why(std::string_view reason);
// Throws what a cancelled task finds, with the reason of the one that runs.
[[noreturn]] void throw_cancelled();

// One thread of control: a task with all that it awaits, of which one coroutine at a time runs or waits.
// The awaited inherit what was asked of the one that awaits, since they are the same fiber.
//
// No coroutine resumes another. It names the next and returns to `resume`, which goes on with that: a
// million awaits that complete at once need no stack, whatever the compiler does about tail calls.
class Fiber {
 public:
  explicit Fiber(Reactor& reactor);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs the task until it first waits; or not before the next turn.
  void start();
  void start_soon();
  // Asks the task to end: `Cancelled` is thrown where it waits, or will wait next. One that has not started
  // never will.
  void cancel(const Why& why) noexcept;
  // Whether it was asked to, altogether or in a part that is under way, and no shield stands before that.
  bool stop_requested() const { return cancels_ != 0; }
  const Why& why() const { return why_; }
  bool finished() const { return finished_; }
  Reactor& reactor() const { return reactor_; }

  // The fiber whose code is running on this thread, or null.
  static Fiber* running();

  // For coroutines: what runs next; and that the first of them has ended.
  void go_on_with(std::coroutine_handle<> next) { next_ = next; }
  void finish() { finished_ = true; }

 protected:
  // The task that waits is dropped with its owner, which a derived class is; never while it runs.
  ~Fiber();
  void set_root(std::coroutine_handle<> root) { next_ = root; }
  // Comes once, last; may destroy the fiber.
  virtual void ended() noexcept = 0;

 private:
  friend class Shield;
  friend class Suspension;
  friend class TimedScope;

  void request_stop(const Shield* within) noexcept;
  // Where it is counted what was asked of the part that stands in `within`.
  std::uint32_t& cancels_of(const Shield* within) noexcept;
  void resume(std::coroutine_handle<> at) noexcept;
  void resume_scheduled() noexcept;
  void schedule();
  void interrupt() noexcept;

  Reactor& reactor_;
  std::coroutine_handle<> next_;
  Suspension* at_ = nullptr;  // where it waits
  Timer soon_;
  std::unique_ptr<Alarm> alarm_;  // once it has stood in a deadline
  Shield* shield_ = nullptr;      // the innermost that it stands in
  Why why_;                       // it was cancelled
  std::uint32_t cancels_ =
      0;  // of the whole, and of parts that are under way, as far as the shield lets them
  bool started_ = false;
  bool cancelled_ = false;
  bool scheduled_ = false;
  bool finished_ = false;
};

// The fiber of a coroutine that is to wait.
template <class Promise>
Fiber& fiber_of(std::coroutine_handle<Promise> who) {
  static_assert(requires { who.promise().fiber; }, "what Parley answers is awaited in a parley::Task");
  return *who.promise().fiber;
}

// What a task may await: each awaiter says `using awaits_in = Fiber`, since it tells the fiber where that
// waits. One that does not would put the coroutine to sleep behind the fiber's back.
template <class A>
concept Awaiter = requires { typename std::remove_cvref_t<A>::awaits_in; };
template <class A>
concept Awaitable = Awaiter<A> || requires(A&& awaitable) {
  { std::forward<A>(awaitable).operator co_await() } -> Awaiter;
};

// A place where a task waits: the base of whatever really suspends one. It stands in the coroutine's frame;
// what it waits for holds a pointer to it. A derived class says how to withdraw from there, and does so in
// its destructor if it still `waits`: a task may be dropped wherever it waits.
class Suspension {
 protected:
  Suspension() = default;
  // Only before it is awaited.
  Suspension(Suspension&& /*other*/) noexcept {}
  ~Suspension() {
    if (fiber_ != nullptr) fiber_->at_ = nullptr;
  }

  // Begins to wait. False: the task was cancelled, and must go on at once.
  template <class Promise>
  bool suspend(std::coroutine_handle<Promise> who) noexcept {
    return suspend(fiber_of(who), who);
  }
  bool suspend(Fiber& fiber, std::coroutine_handle<> who) noexcept;
  // The same, although the task was cancelled.
  void suspend_even_so(Fiber& fiber, std::coroutine_handle<> who) noexcept;

  // Goes on now: for calls that come from the loop alone, as the last thing that they do.
  void resume() noexcept;
  // Goes on in the next turn: from anywhere.
  void wake();

  bool waits() const { return fiber_ != nullptr; }
  // Whether what it waited for did not happen: to be asked when it goes on.
  bool cancelled() const { return cancelled_; }
  void throw_if_cancelled() const {
    if (cancelled_) throw_cancelled();
  }
  Fiber& fiber() const { return *fiber_; }

  // Is not to be called back any more. True: what it waited for has not happened, nor was anything taken;
  // the task goes on with `Cancelled`. False: it has, or will soon, and ends the waiting itself.
  virtual bool withdraw() noexcept = 0;

 private:
  friend class Fiber;

  Fiber* fiber_ = nullptr;
  std::coroutine_handle<> who_;
  bool cancelled_ = false;
};

// A part of a fiber that is cancelled when its time is over: what stands in a deadline.
class TimedScope {
 public:
  TimedScope() = default;
  // Only before it is entered.
  TimedScope(TimedScope&& /*other*/) noexcept {}
  ~TimedScope() {
    if (fiber_ != nullptr) leave();
  }

  void enter(Fiber& fiber, Duration after);
  void enter(Fiber& fiber, Time until);
  // Answers whether its time was over before.
  bool leave() noexcept;
  // For one that was entered: its time is over then. False where it is over already.
  bool move(Time until);
  // Whether its time is over, or was when it was left.
  bool cancelled() const { return cancelled_; }

 private:
  friend class Alarm;

  void cancel() noexcept;

  Fiber* fiber_ = nullptr;
  bool cancelled_ = false;
  Time until_{};
  TimedScope* outer_ = nullptr;     // which the task has entered before
  const Shield* within_ = nullptr;  // the innermost at that time
};

// A part of a fiber that is not cancelled from outside: what is asked of the fiber meanwhile is asked when
// the part has ended.
class Shield {
 public:
  Shield() = default;
  // Only before it is entered.
  Shield(Shield&& /*other*/) noexcept {}
  ~Shield() {
    if (fiber_ != nullptr) leave();
  }

  void enter(Fiber& fiber) noexcept;
  void leave() noexcept;

 private:
  friend class Fiber;

  Fiber* fiber_ = nullptr;
  Shield* outer_ = nullptr;
  std::uint32_t held_ = 0;  // of `Fiber::cancels_`
};

}  // namespace detail

}  // namespace parley
