#pragma once

#include <cassert>
#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "parley/stream/fiber.h"

namespace parley {

template <class T>
class Task;

namespace detail {

// Refuses what a task cannot await. A has no reference where it is an rvalue.
template <class A>
constexpr void check_awaitable() {
  static_assert(Awaitable<std::remove_cvref_t<A>>,
                "a parley::Task awaits what Parley's functions answer, and would never go on after anything "
                "else; to wait for a callback, let it try_put into a parley::Queue, and await get()");
  static_assert(!Awaitable<std::remove_cvref_t<A>> || !std::is_lvalue_reference_v<A>,
                "what is awaited is awaited once: what has a name is moved, co_await std::move(task)");
}

// The awaiter of something that can be awaited: what its `operator co_await` answers, or itself.
template <class A>
auto awaiter_of(A awaitable) {
  check_awaitable<A>();
  if constexpr (requires { std::move(awaitable).operator co_await(); }) {
    return std::move(awaitable).operator co_await();
  } else {
    return awaitable;
  }
}
template <class A>
using AwaiterOf = decltype(awaiter_of(std::declval<A>()));
template <class A>
using AnswerOf = decltype(std::declval<AwaiterOf<A>&>().await_resume());

// In the place of an await that is refused: seems to answer what was meant, so that the refusal is the only
// error.
template <class A>
struct [[nodiscard]] Refused {
  template <class T>
  static T seeming();

  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> who) const noexcept;
  auto await_resume() const {
    if constexpr (Awaitable<A>) {
      return seeming<AnswerOf<A>>();
    } else if constexpr (requires(A& awaiter) { awaiter.await_resume(); }) {
      return seeming<decltype(std::declval<A&>().await_resume())>();
    }
  }
};

// What a task awaits, where it stands: g++ 12 would move it, and copy what has a name.
template <class A>
class [[nodiscard]] InPlace final {
 public:
  explicit InPlace(A& awaiter) : awaiter_(&awaiter) {}

  bool await_ready() { return awaiter_->await_ready(); }
  template <class Promise>
  auto await_suspend(std::coroutine_handle<Promise> who) {
    return awaiter_->await_suspend(who);
  }
  decltype(auto) await_resume() { return awaiter_->await_resume(); }

 private:
  A* awaiter_;
};

class PromiseBase {
 public:
  struct [[nodiscard]] Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const PromiseBase& promise = ended.promise();
      if (promise.awaits_it) {
        promise.fiber->go_on_with(promise.awaits_it);
      } else {
        promise.fiber->finish();
      }
    }
    void await_resume() const noexcept {}
  };

  template <class A>
  auto await_transform(A&& awaitable) const {
    check_awaitable<A>();
    if constexpr (Awaiter<A>) {
      return InPlace<std::remove_reference_t<A>>(awaitable);
    } else if constexpr (Awaitable<A>) {
      return std::forward<A>(awaitable).operator co_await();
    } else {
      return Refused<std::remove_cvref_t<A>>();
    }
  }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  Fiber* fiber = nullptr;
  std::coroutine_handle<> awaits_it;  // null: it is the fiber's first
  std::exception_ptr error;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <std::convertible_to<T> U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(
        *value_);  // NOLINT(bugprone-unchecked-optional-access): it has ended, and not with an error
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

// Of a coroutine that is to answer a reference.
template <class T>
struct RefusedPromise {
  Task<T&> get_return_object() {
    static_assert(!std::is_same_v<T, T>,
                  "a task answers a value: Task<int*> or Task<std::reference_wrapper<int>>, not Task<int&>");
    return {};
  }
  template <class A>
  Refused<std::remove_cvref_t<A>> await_transform(A&& awaitable);
  std::suspend_never initial_suspend();
  std::suspend_never final_suspend() noexcept;
  void return_value(T& value);
  void unhandled_exception();
};

template <class T>
class TaskAwaiter;

// What stands for an answer of no value where something must stand.
template <class T>
using Something = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

}  // namespace detail

// A coroutine: a function that may wait without holding anybody up. Calling it does nothing yet; `co_await`
// runs it in the place of the one that awaits, `run`, `spawn` and `TaskGroup::spawn` run it beside others.
// It answers a T or throws. Move-only; a task that goes takes its coroutine along, wherever that waits.
//
// Thread: that of its reactor. The coroutine's parameters live as long as it does, so pass by value whatever
// may go before it ends; a lambda that is a coroutine must itself outlive the task that it has made.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  Task() = default;
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task(std::move(other)).swap(*this);
    return *this;
  }
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  // Whether there is a coroutine: not after a move.
  explicit operator bool() const { return static_cast<bool>(coroutine_); }

  // Awaited once: a task with a name is moved, `co_await std::move(task)`.
  detail::TaskAwaiter<T> operator co_await() && noexcept { return detail::TaskAwaiter<T>(std::move(*this)); }

 private:
  friend class detail::Promise<T>;
  friend class detail::TaskAwaiter<T>;

  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  void swap(Task& other) noexcept { std::swap(coroutine_, other.coroutine_); }

  std::coroutine_handle<promise_type> coroutine_;
};

// Refused, where such a coroutine is written.
template <class T>
class Task<T&> {
 public:
  using promise_type = detail::RefusedPromise<T>;
};

namespace detail {

inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

template <class T>
class [[nodiscard]] TaskAwaiter {
 public:
  using awaits_in = Fiber;

  explicit TaskAwaiter(Task<T> task) : task_(std::move(task)) {
    assert(task_ && "a task is awaited once, and not after it was moved");
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> who) const noexcept {
    begin(fiber_of(who), who);
  }
  T await_resume() { return task_.coroutine_.promise().take(); }

  // For those that are no coroutine: makes it what the fiber runs next, for `who` (null: nobody) to go on
  // after.
  void begin(Fiber& fiber, std::coroutine_handle<> who) const noexcept {
    PromiseBase& promise = task_.coroutine_.promise();
    promise.fiber = &fiber;
    promise.awaits_it = who;
    fiber.go_on_with(task_.coroutine_);
  }
  // How it failed, if it did; and whether it has ended well.
  std::exception_ptr error() const { return task_.coroutine_.promise().error; }
  bool answered() const { return task_.coroutine_.done() && task_.coroutine_.promise().error == nullptr; }

 private:
  Task<T> task_;
};

// Hands the wait on to an awaiter inside another; answers whether it is suspended.
template <class A, class Promise>
bool suspend_in(A& awaiter, std::coroutine_handle<Promise> who) {
  if constexpr (std::is_void_v<decltype(awaiter.await_suspend(who))>) {
    awaiter.await_suspend(who);
    return true;
  } else {
    return awaiter.await_suspend(who);
  }
}

}  // namespace detail

}  // namespace parley
