#pragma once

#include <cstddef>
#include <memory>

#include "parley/base/clock.h"
#include "parley/base/move_only_function.h"
#include "parley/reactor/reactor.h"

namespace parley {

// Calls something again and again, at whole intervals after its start, by the reactor's clock, however long
// the calls take: Twisted's LoopingCall. Intervals that are missed are not made up for: where a call, or
// anything else, has kept the loop beyond one or more of those times, they come as one, late, and those
// behind it are on time again. A call that throws is treated as every callback of the reactor is (logged,
// `Reactor::on_error`), and the next one comes nevertheless. Used from the loop's thread; the reactor must
// outlive it.
class LoopingCall {
 public:
  // The second is told how many intervals have passed since the last call: 1, or more where some were missed.
  // Throw std::invalid_argument for nothing to call.
  LoopingCall(Reactor& reactor, MoveOnlyFunction<void()> call);
  LoopingCall(Reactor& reactor, MoveOnlyFunction<void(std::size_t)> call);
  // Stops. It may be destroyed by its call.
  ~LoopingCall();
  LoopingCall(LoopingCall&&) noexcept = default;
  // Stops, and goes on with the other one's.
  LoopingCall& operator=(LoopingCall&& other) noexcept;

  // The first call comes in the reactor's next turn, or with `now` false after a whole interval. An interval
  // of 0: in each turn. Throws std::logic_error while it runs already, std::invalid_argument for an interval
  // below 0.
  void start(Duration interval, bool now = true);
  // No call comes once this has returned. No error when it does not run; it may be started again.
  void stop() noexcept;
  // The next call comes a whole interval from now, and the others at whole intervals after that. Nothing
  // where it does not run.
  void reset();

  // Between `start` and `stop`.
  bool running() const;
  // Of the last `start`.
  Duration interval() const;

 private:
  struct State;
  static void tick(const std::shared_ptr<State>& state);
  static void call_after(const std::shared_ptr<State>& state, Duration delay);

  std::shared_ptr<State> state_;  // a call may destroy its LoopingCall, and goes on
};

}  // namespace parley
