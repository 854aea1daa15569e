#include "parley/service/timer_service.h"

#include <stdexcept>
#include <utility>

namespace parley {

TimerService::TimerService(Reactor& reactor, Duration interval, MoveOnlyFunction<void()> call,
                           std::string name)
    : Service(std::move(name)), interval_(interval), call_(reactor, std::move(call)) {
  if (interval <= Duration::zero())
    throw std::invalid_argument("TimerService: the interval is not above zero");
}

void TimerService::start() {
  call_.start(interval_);
}

void TimerService::stop(ServiceHold /*hold*/) noexcept {
  call_.stop();
}

}  // namespace parley
