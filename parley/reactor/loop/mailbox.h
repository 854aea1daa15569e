#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "parley/process/fork_mutex.h"

namespace parley {

// Calls that other threads have posted to a loop. Thread: any, `take` from the loop's.
class Mailbox {
 public:
  // Answers whether it was empty: then the loop is to be woken.
  bool post(std::function<void()> call) {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(std::move(call));
    return calls_.size() == 1;
  }

  // What was posted so far, in order.
  std::vector<std::function<void()>> take() {
    std::vector<std::function<void()>> taken;
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
  std::vector<std::function<void()>> calls_;
};

}  // namespace parley
