#include "parley/service/multi_service.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"

namespace parley {

MultiService::~MultiService() {
  round_.reset();
  while (!services_.empty()) services_.pop_back();
}

Service& MultiService::add_service(std::unique_ptr<Service> service) {
  if (service == nullptr) throw std::invalid_argument("add_service: no service was given");
  if (!service->name().empty() && find_service(service->name()) != nullptr) {
    throw std::invalid_argument(concat("add_service: there is a service \"", service->name(), "\" already"));
  }
  if (running()) service->start_service();
  services_.push_back(std::move(service));
  return *services_.back();
}

std::unique_ptr<Service> MultiService::remove_service(const Service& service) {
  const auto found = std::ranges::find(services_, &service, &std::unique_ptr<Service>::get);
  if (found == services_.end()) return nullptr;
  std::unique_ptr<Service> removed = std::move(*found);
  services_.erase(found);
  if (round_ != nullptr) {
    std::erase(round_->left, removed.get());
    if (round_->now == removed.get()) {
      round_->now = nullptr;
      stop_next();
    }
  }
  return removed;
}

Service* MultiService::find_service(std::string_view name) const {
  const auto found = std::ranges::find(
      services_, name, [](const auto& service) -> std::string_view { return service->name(); });
  return found == services_.end() ? nullptr : found->get();
}

void MultiService::privileged_start() {
  try {
    for (const auto& service : services_) service->privileged_start_service();
  } catch (...) {
    stop_all({});
    throw;
  }
}

void MultiService::start() {
  try {
    for (const auto& service : services_) service->start_service();
  } catch (...) {
    stop_all({});  // also those that have had their privileged start alone
    throw;
  }
}

void MultiService::stop(ServiceHold hold) noexcept {
  stop_all(std::move(hold));
}

void MultiService::stop_all(ServiceHold hold) noexcept {
  round_ = std::make_shared<Round>(Round{.hold = std::move(hold), .left = {}});
  for (const auto& service : services_) round_->left.push_back(service.get());
  stop_next();
}

// Those that have not been started say at once that they have stopped.
void MultiService::stop_next() noexcept {
  if (round_->left.empty()) {
    const std::shared_ptr<Round> over = std::move(round_);  // may destroy this object when it goes
    return;
  }
  Service* const service = round_->left.back();
  round_->left.pop_back();
  round_->now = service;
  service->stop_service([this, service, round = std::weak_ptr(round_)] {
    const std::shared_ptr<Round> going = round.lock();
    if (going == nullptr || going->now != service) return;
    going->now = nullptr;
    stop_next();
  });
}

}  // namespace parley
