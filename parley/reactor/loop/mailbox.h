#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "parley/base/move_only_function.h"
#include "parley/process/fork_mutex.h"

namespace parley {

// Calls that other threads have posted to a loop. Thread: any, `take` from the loop's.
class Mailbox {
 public:
  // Calls `wake` if it was empty, and before the call can be taken: it may end the loop, and all that `wake`
  // needs with it.
  template <typename Wake>
  void post(MoveOnlyFunction<void()> call, const Wake& wake) {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(std::move(call));
    if (calls_.size() == 1) wake();
  }

  // What was posted so far, in order.
  std::vector<MoveOnlyFunction<void()>> take() {
    std::vector<MoveOnlyFunction<void()>> taken;
    const std::scoped_lock lock(mutex_);
    taken.swap(calls_);
    return taken;
  }

  bool empty() const {
    const std::scoped_lock lock(mutex_);
    return calls_.empty();
  }

 private:
  mutable ForkMutex mutex_;  // a fork carries over what was posted before it
  std::vector<MoveOnlyFunction<void()>> calls_;
};

}  // namespace parley
