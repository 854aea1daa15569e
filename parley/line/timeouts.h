#pragma once

#include <optional>
#include <utility>

#include "parley/reactor/filter.h"
#include "parley/reactor/reactor.h"

namespace parley {

// Tells when nothing has happened for a while. Saying that something has is an assignment: the one timer
// that it has looks at the time when it fires, and waits for what is left. It fires at most once per period.
class IdleTimer {
 public:
  explicit IdleTimer(Reactor& reactor) : reactor_(reactor) {}
  IdleTimer(const IdleTimer&) = delete;
  IdleTimer& operator=(const IdleTimer&) = delete;

  // From now on nothing may happen for so long; without a value: for ever. Answers what held before.
  std::optional<Duration> set_timeout(std::optional<Duration> period);
  // Something has happened. No error when there is no timeout.
  void reset_timeout() {
    if (timer_.active()) due_ = later(reactor_.clock().now(), period_);
  }

 protected:
  ~IdleTimer() { timer_.cancel(); }

  // The time has passed. It is not told again until the timeout is set anew.
  virtual void expired() = 0;

 private:
  void look();

  Reactor& reactor_;
  Duration period_{};
  Time due_{};
  Timer timer_;
};

// A protocol that ends when it was idle for too long, by its own measure:
//
//   class Session : public TimeoutMixIn<LineReceiver> {
//     explicit Session(Reactor& reactor) : TimeoutMixIn(reactor) {}
//     void connection_made() override { set_timeout(30s); }
//     void line_received(std::string_view line) override { reset_timeout(); ... }
//   };
template <class Base>
class TimeoutMixIn : public Base, private IdleTimer {
 public:
  template <class... Args>
  explicit TimeoutMixIn(Reactor& reactor, Args&&... args)
      : Base(std::forward<Args>(args)...), IdleTimer(reactor) {}

  using IdleTimer::reset_timeout;
  using IdleTimer::set_timeout;

  // Nothing has happened for the time that was set. The default closes in good order.
  virtual void timeout_connection() { this->transport().lose_connection(); }

 private:
  void expired() override {
    try {
      timeout_connection();
    } catch (...) {  // as for every callback of a connection
      this->transport().abort_connection();
      throw;
    }
  }
};

// A filter for protocols that know nothing of it: ends connections on which nothing has passed, in either
// direction, for `period`. A peer that does not answer the end of ours is cut off by `Limits::close_timeout`.
// The reactor must outlive its connections.
Wrap idle_timeout(Reactor& reactor, Duration period);

}  // namespace parley
