#pragma once

#include <chrono>

namespace parley {

using Duration = std::chrono::nanoseconds;
// A point on the monotonic clock: it never goes back, and means nothing across a restart.
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// So long after a time, which is not before the clock's beginning; never, where that is beyond all times:
// Duration::max() is a long wait, and not one that overflows.
constexpr Time later(Time from, Duration by) {
  return by < Time::max() - from ? from + by : Time::max();
}

// The one place where time comes from. Whoever waits or measures is given a clock, so that tests can
// turn it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  // Thread: any.
  virtual Time now() const = 0;
};

// The machine's monotonic clock.
class SystemClock final : public Clock {
 public:
  Time now() const override { return std::chrono::steady_clock::now(); }
};

// The system clock that is used where none is given. It has no state, lives for the whole program, and
// may be used from any thread.
const Clock& system_clock();

// A clock that stands still until it is turned, for tests. Used from one thread.
class ManualClock final : public Clock {
 public:
  Time now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  Time now_{std::chrono::hours(1)};  // not zero: a forgotten initial value shows
};

}  // namespace parley
