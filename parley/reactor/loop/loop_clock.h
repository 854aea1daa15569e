#pragma once

#include "parley/base/clock.h"

namespace parley {

// The loop's time. Where nobody asks for it, the clock is not read.
class LoopClock {
 public:
  explicit LoopClock(const Clock& clock) : clock_(clock) {}

  // The clock's time, read once between two waits: what is due is decided by it, and it stands still in a
  // callback.
  Time turn() const {
    if (stale_) {
      turn_ = clock_.now();
      stale_ = false;
    }
    return turn_;
  }
  // The clock's time. Delays count from it: a callback may have worked for long before it asks for one.
  Time now() const { return clock_.now(); }
  // Time may have passed.
  void set_stale() { stale_ = true; }

  const Clock& clock() const { return clock_; }

 private:
  const Clock& clock_;
  mutable Time turn_{};
  mutable bool stale_ = true;
};

}  // namespace parley
