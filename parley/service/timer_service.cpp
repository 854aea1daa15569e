#include "parley/service/timer_service.h"

#include <stdexcept>
#include <utility>

namespace parley {

TimerService::TimerService(Reactor& reactor, Duration interval, std::function<void()> call, std::string name)
    : Service(std::move(name)), reactor_(reactor), interval_(interval) {
  if (interval <= Duration::zero())
    throw std::invalid_argument("TimerService: the interval is not above zero");
  if (!call) throw std::invalid_argument("TimerService: there is nothing to call");
  call_ = std::make_shared<const std::function<void()>>(std::move(call));
}

TimerService::~TimerService() {
  timer_.cancel();
}

void TimerService::start() {
  due_ = Time::max();  // the first call says when the others are
  timer_ = reactor_.call_later(Duration::zero(), [this] { tick(); });
}

void TimerService::stop(ServiceHold /*hold*/) noexcept {
  timer_.cancel();
}

// The next one is arranged before the call, which may stop the service, destroy it, or throw.
void TimerService::tick() {
  const Time now = reactor_.now();
  if (due_ > now) due_ = now;
  due_ += ((now - due_) / interval_ + 1) * interval_;
  timer_ = reactor_.call_later(due_ - now, [this] { tick(); });
  const auto call = call_;
  (*call)();
}

}  // namespace parley
