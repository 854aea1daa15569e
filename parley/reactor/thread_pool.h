#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

#include "parley/base/log.h"

namespace parley {

// How far a pool grows.
struct ThreadPoolSettings {
  // Threads at most; each is started when a call finds no other one free, and stays.
  std::size_t threads = 10;
  // Calls at most that wait for a thread: one more is refused.
  std::size_t waiting = 1024;
};

// A call was refused: so many wait already. It may be tried again later, as a server refuses a client.
class ThreadPoolFull : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A call was refused, or dropped before it had begun: the pool, or its reactor, stops.
class ThreadPoolStopped : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A bounded number of threads for calls that block: of libraries that know nothing of the reactor, or of
// work that takes long. `Reactor::call_in_thread` is how a reactor's program uses one. Thread: any.
class ThreadPool {
 public:
  // Starts no thread yet. What a call lets escape is written to `log`. Throws std::invalid_argument when
  // there may be no thread.
  explicit ThreadPool(const ThreadPoolSettings& settings = {}, Log& log = standard_log());
  // Stops. Not on one of its own threads.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Has a thread call `work`, now or when one is free; first come, first served. `dropped` is called in its
  // place when that never happens. Throws ThreadPoolFull, ThreadPoolStopped, and std::system_error when the
  // system has not even one thread.
  void call(std::function<void()> work, std::function<void()> dropped = {});

  // Drops what has not begun, and answers how many calls that were. `dropped` is called on this thread.
  std::size_t drop_waiting();
  // Waits until every call has ended. Throws std::logic_error on one of its own threads.
  void wait();
  // Takes no more calls, drops what has not begun, waits for what has, and ends the threads. Throws
  // std::logic_error on one of its own threads.
  void stop();

  // Threads that there are, calls that run, and calls that wait for a thread.
  std::size_t threads() const;
  std::size_t running() const;
  std::size_t waiting() const;

 private:
  struct State;
  void run();
  void end();

  const ThreadPoolSettings settings_;
  Log& log_;
  std::unique_ptr<State> state_;
};

// What has come of a call in a thread: its result, or the exception that it threw.
template <class T>
class Outcome {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  explicit Outcome(Value value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  explicit Outcome(std::exception_ptr error) : outcome_(std::in_place_index<1>, std::move(error)) {}

  // Whether there is a result.
  explicit operator bool() const { return outcome_.index() == 0; }
  // The result, which is moved out. Throws what the call threw; ThreadPoolStopped where it never began.
  T get() {
    if (outcome_.index() == 1) std::rethrow_exception(std::get<1>(outcome_));
    if constexpr (!std::is_void_v<T>) return std::move(std::get<0>(outcome_));
  }
  // What it threw; null where there is a result.
  std::exception_ptr error() const { return outcome_.index() == 1 ? std::get<1>(outcome_) : nullptr; }

 private:
  std::variant<Value, std::exception_ptr> outcome_;
};

namespace detail {

// A call on its way through a thread and back to the loop.
class ThreadCall {
 public:
  ThreadCall() = default;
  ThreadCall(const ThreadCall&) = delete;
  ThreadCall& operator=(const ThreadCall&) = delete;
  virtual ~ThreadCall() = default;
  virtual void work() noexcept = 0;
  virtual void drop(std::exception_ptr why) = 0;
  virtual void tell() = 0;
};

template <class Work, class Then>
class ThreadCallOf final : public ThreadCall {
 public:
  using Result = std::decay_t<std::invoke_result_t<Work&>>;

  ThreadCallOf(Work work, Then then) : work_(std::move(work)), then_(std::move(then)) {}

  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<Result>) {
        (*work_)();
        outcome_.emplace(std::monostate());
      } else {
        outcome_.emplace((*work_)());
      }
    } catch (...) {
      outcome_.emplace(std::current_exception());
    }
    work_.reset();  // what it holds ends in the thread that used it
  }
  void drop(std::exception_ptr why) override { outcome_.emplace(std::move(why)); }
  void tell() override { then_(std::move(*outcome_)); }

 private:
  std::optional<Work> work_;
  Then then_;
  std::optional<Outcome<Result>> outcome_;
};

}  // namespace detail

}  // namespace parley
