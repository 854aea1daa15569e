#pragma once

#include "parley/base/clock.h"
#include "parley/reactor/reactor.h"

namespace parley::detail {

class TimedScope;

// One timer for all the deadlines that a task stands in. It is set for the first of them, and left alone when
// that one is kept, as almost all are: the next deadline, which is later, finds it set. It may so come too
// early, and is then set anew, or not, if no deadline is left.
class Alarm {
 public:
  explicit Alarm(Reactor& reactor) : reactor_(reactor) {}
  ~Alarm() { timer_.cancel(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void add(TimedScope& scope, Time until);
  void move(TimedScope& scope, Time until);
  void remove(const TimedScope& scope) noexcept;

 private:
  void ring();
  void set(Time until);

  Reactor& reactor_;
  Timer timer_;
  Time set_for_{};                   // while the timer is active
  TimedScope* innermost_ = nullptr;  // the one that was entered last
};

}  // namespace parley::detail
