#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "parley/base/move_only_function.h"
#include "parley/process/fork_mutex.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/threads/blocking_call.h"
#include "parley/socket/fork_count.h"

namespace parley {

// Calls that other threads wait for, until the loop has made them or will not make them any more.
class CallsFromThreads {
 public:
  explicit CallsFromThreads(Reactor& reactor);
  ~CallsFromThreads();
  CallsFromThreads(const CallsFromThreads&) = delete;
  CallsFromThreads& operator=(const CallsFromThreads&) = delete;

  // Waits until the loop has called it. Throws ReactorStopped. Thread: any but the loop's.
  void wait_for(detail::CallFromThread& call);
  // As `detail::call_from_thread`.
  void post(MoveOnlyFunction<void(bool)> call);

  // From the loop's thread: it runs (again); it runs no more, and nobody need wait.
  void open();
  void close();
  bool closed() const { return closed_; }
  // Thread: any.
  bool running() const { return running_.load(std::memory_order_relaxed); }

  class Running {
   public:
    explicit Running(CallsFromThreads& calls) : calls_(calls) {
      calls_.open();
      calls_.running_.store(true, std::memory_order_relaxed);
    }
    ~Running() {
      calls_.running_.store(false, std::memory_order_relaxed);
      calls_.close();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    CallsFromThreads& calls_;
  };

 private:
  struct State;

  std::shared_ptr<State> own_state();
  void next();
  void next_posted();

  Reactor& reactor_;
  std::atomic<bool> running_ = false;
  std::atomic<bool> closed_ = false;
  ForkMutex renewing_;  // guards the two below
  std::uint32_t forks_ = fork_count();
  std::shared_ptr<State> state_;  // a thread that was waiting may leave after the reactor has gone
};

}  // namespace parley
