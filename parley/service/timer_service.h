#pragma once

#include <functional>
#include <memory>
#include <string>

#include "parley/base/clock.h"
#include "parley/reactor/reactor.h"
#include "parley/service/service.h"

namespace parley {

// A service that calls something at an interval, by the reactor's clock: first as soon as the reactor runs,
// then at whole intervals after that, however long the calls take. Where a call, or anything else, has kept
// the loop beyond one or more of those times, they come as one, late; those behind it are on time again. A
// call that throws is treated as every callback of the reactor is (logged, `Reactor::on_error`), and the
// next one comes nevertheless.
class TimerService : public Service {
 public:
  // Throws std::invalid_argument for an interval that is not more than zero, and for no call. The reactor
  // must outlive the service.
  TimerService(Reactor& reactor, Duration interval, std::function<void()> call, std::string name = {});
  ~TimerService() override;

 protected:
  void start() override;
  void stop(ServiceHold hold) noexcept override;

 private:
  void tick();

  Reactor& reactor_;
  Duration interval_;
  std::shared_ptr<const std::function<void()>> call_;
  Time due_{};
  Timer timer_;
};

}  // namespace parley
