#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "parley/reactor/threads/outcome.h"
#include "parley/stream/task.h"
#include "parley/stream/waiter.h"

namespace parley {

// Every copy of a promise went before anything came of it.
class BrokenPromise : public std::logic_error {
 public:
  BrokenPromise() : std::logic_error("a promise went without an answer") {}
};

template <class T>
class Promise;

// What will come of a callback, for a task that waits for it: asyncio's Future. Made by a Promise. Move-only,
// not while a task waits for it.
template <class T = void>
class [[nodiscard]] Future {
  class Get;

 public:
  Future() = default;

  // Whether there is an answer.
  bool done() const { return state_ != nullptr && state_->outcome.has_value(); }
  // Awaited, answers what was given to the promise, or throws it; BrokenPromise where that went. Once; one
  // that was cancelled, or whose time was over, may be awaited anew. Throws std::logic_error where there is
  // nothing to wait for, and where another task waits.
  [[nodiscard]] Get get() { return Get(state_); }

 private:
  friend class Promise<T>;

  struct State {
    std::optional<Outcome<T>> outcome;
    Get* waiting = nullptr;
    std::size_t promises = 1;
    bool has_future = false;
  };

  class [[nodiscard]] Get final : detail::Waiter {
   public:
    using awaits_in = detail::Fiber;

    explicit Get(std::shared_ptr<State>& state) : state_(state) {}
    Get(Get&&) = default;
    ~Get() {
      if (this->waits()) withdraw();
    }

    bool await_ready() const {
      if (state_ == nullptr) throw std::logic_error("get: this future has none, or was got already");
      if (state_->waiting != nullptr) throw std::logic_error("get: one task at a time waits for a future");
      return state_->outcome.has_value();
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
      if (!this->suspend(who)) return false;
      state_->waiting = this;
      return true;
    }
    T await_resume() {
      if (state_->waiting == this) state_->waiting = nullptr;
      this->throw_if_cancelled();
      const std::shared_ptr<State> taken = std::move(state_);
      state_ = nullptr;
      return taken->outcome->get();  // NOLINT(bugprone-unchecked-optional-access): it was waited for
    }

   private:
    friend class Promise<T>;

    bool withdraw() noexcept override {
      state_->waiting = nullptr;
      return true;
    }

    std::shared_ptr<State>& state_;  // the future's
  };

  explicit Future(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

// The other side: what a callback settles, once. Copies are the same promise, so that it goes into any
// std::function. Used on the reactor's thread; from another one by `Reactor::post`.
//
//   Promise<int> answer;
//   ask([answer](int value) mutable { answer.set_value(value); });
//   Future<int> coming = answer.get_future();
//   const int value = co_await with_timeout(5s, coming.get());
template <class T = void>
class Promise {
  using State = typename Future<T>::State;

 public:
  Promise() : state_(std::make_shared<State>()) {}
  Promise(const Promise& other) : state_(other.state_) {
    if (state_ != nullptr) ++state_->promises;
  }
  Promise(Promise&& other) noexcept = default;
  Promise& operator=(Promise other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Promise() {
    if (state_ == nullptr || --state_->promises != 0 || state_->outcome) return;
    settle(std::make_exception_ptr(BrokenPromise()));
  }

  // Once. Throws std::logic_error.
  Future<T> get_future() {
    if (std::exchange(state_->has_future, true))
      throw std::logic_error("get_future: a promise has one future");
    return Future<T>(state_);
  }
  // Whoever waits goes on in the next turn. False, and nothing changes, where it was settled already.
  bool set_value(detail::Something<T> value) { return settle(std::move(value)); }
  bool set_value()
    requires std::is_void_v<T>
  {
    return set_value(std::monostate());
  }
  bool set_exception(std::exception_ptr error) { return settle(std::move(error)); }
  // Whether somebody may still ask for the answer: not once the future is gone, but before `get_future`. For
  // whoever would work for it.
  bool wanted() const {
    return state_ != nullptr &&
           (!state_->has_future || state_.use_count() > static_cast<long>(state_->promises));
  }

 private:
  // Made in its place: of a moved one g++ 12 warns that it may be uninitialised.
  template <class Came>
  bool settle(Came came) {
    if (state_ == nullptr || state_->outcome) return false;
    state_->outcome.emplace(std::move(came));
    if (state_->waiting != nullptr) state_->waiting->wake();
    return true;
  }

  std::shared_ptr<State> state_;
};

}  // namespace parley
