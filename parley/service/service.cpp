#include "parley/service/service.h"

#include <stdexcept>

#include "parley/base/print.h"

namespace parley {

void Service::privileged_start_service() {
  if (prepared_ || state_ != State::stopped) return;
  privileged_start();
  prepared_ = true;
}

void Service::start_service() {
  if (state_ == State::running) return;
  if (state_ == State::stopping) {
    throw std::logic_error(concat("start_service: the service \"", name_, "\" is still stopping"));
  }
  start();
  state_ = State::running;
}

void Service::stop_service(MoveOnlyFunction<void()> stopped) {
  if (state_ == State::stopped && !prepared_) {
    if (stopped) stopped();
    return;
  }
  if (stopped) waiting_.push_back(std::move(stopped));
  if (state_ == State::stopping) return;
  state_ = State::stopping;
  std::shared_ptr<void> held(this, [alive = std::weak_ptr<void>(alive_)](void* self) {
    if (!alive.expired()) static_cast<Service*>(self)->has_stopped();
  });
  stop(ServiceHold(std::move(held)));
}

// Whoever is told may start it again, or destroy it.
void Service::has_stopped() noexcept {
  state_ = State::stopped;
  prepared_ = false;
  const std::vector<MoveOnlyFunction<void()>> waiting = std::exchange(waiting_, {});
  for (const auto& stopped : waiting) stopped();
}

}  // namespace parley
