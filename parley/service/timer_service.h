#pragma once

#include <string>

#include "parley/base/clock.h"
#include "parley/base/move_only_function.h"
#include "parley/reactor/looping_call.h"
#include "parley/reactor/reactor.h"
#include "parley/service/service.h"

namespace parley {

// A service that calls something at an interval, first as soon as the reactor runs: a LoopingCall that runs
// while the service does.
class TimerService : public Service {
 public:
  // Throws std::invalid_argument for an interval that is not more than zero, and for no call. The reactor
  // must outlive the service.
  TimerService(Reactor& reactor, Duration interval, MoveOnlyFunction<void()> call, std::string name = {});

 protected:
  void start() override;
  void stop(ServiceHold hold) noexcept override;

 private:
  Duration interval_;
  LoopingCall call_;
};

}  // namespace parley
