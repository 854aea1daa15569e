#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>

#include "parley/base/clock.h"
#include "parley/base/log.h"
#include "parley/base/move_only_function.h"

namespace parley {

// How far a pool grows.
struct ThreadPoolSettings {
  // Threads at most; each is started when a call finds no other one free.
  std::size_t threads = 10;
  // Calls at most that wait for a thread: one more is refused.
  std::size_t waiting = 1024;
  // A thread that is given nothing to do for so long ends. None: it stays as long as the pool.
  std::optional<Duration> idle_time{};
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
// work that takes long. `Reactor::call_in_thread` is how a reactor's program uses one; ThreadingMixIn serves
// its requests on one. Thread: any.
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
  // system has no thread for it and it may not wait for another one. Where it throws, neither is called.
  void call(MoveOnlyFunction<void()> work, MoveOnlyFunction<void()> dropped = {});

  // Other bounds from now on. Threads that are too many end after the call that they run; calls that wait
  // already go on waiting. Throws std::invalid_argument as the constructor does.
  void adjust(const ThreadPoolSettings& settings);

  // Drops the calls that wait for a thread, and answers how many that were. `dropped` is called on this
  // thread.
  std::size_t drop_waiting();
  // Waits until every call has ended. Throws std::logic_error on one of its own threads.
  void wait();
  // Takes no more calls, drops those that wait for a thread, waits for the others, and ends the threads.
  // Throws std::logic_error on one of its own threads.
  void stop();

  // Whether this function is called on one of its own threads: within a call.
  bool on_own_thread() const;
  // Threads that there are; calls that a thread has, and calls that wait for one.
  std::size_t threads() const;
  std::size_t running() const;
  std::size_t waiting() const;

 private:
  struct Thread;
  struct State;
  State& own_state() const;
  void run(Thread& self);
  void end();

  Log& log_;
  mutable std::uint32_t forks_;  // before which it was made
  mutable std::unique_ptr<State> state_;
};

}  // namespace parley
