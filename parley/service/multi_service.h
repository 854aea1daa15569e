#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/service/service.h"

namespace parley {

// A service made of services, which it owns: they are started in the order in which they were added, and
// stopped in the reverse one, each after the one behind it has stopped.
class MultiService : public Service {
 public:
  using Service::Service;
  // Destroys its services, the last one first.
  ~MultiService() override;

  // Adds a service, and starts it where this one runs (where that throws, it is not added). Throws
  // std::invalid_argument for no service, and for a name that another one has, unless it is empty.
  Service& add_service(std::unique_ptr<Service> service);
  // The same for one that is made here.
  template <std::derived_from<Service> S, class... Arguments>
  S& add(Arguments&&... arguments) {
    auto service = std::make_unique<S>(std::forward<Arguments>(arguments)...);
    S& added = *service;
    add_service(std::move(service));
    return added;
  }
  // Takes a service out, as it is: the caller stops it, or drops it. Null where it is not in here.
  std::unique_ptr<Service> remove_service(const Service& service);

  // The service of that name; null where there is none.
  Service* find_service(std::string_view name) const;
  // In the order in which they were added.
  const std::vector<std::unique_ptr<Service>>& services() const { return services_; }

 protected:
  // When one of them throws, those before it are stopped again.
  void privileged_start() override;
  void start() override;
  void stop(ServiceHold hold) noexcept override;

 private:
  // One round of stopping.
  struct Round {
    ServiceHold hold;
    std::vector<Service*> left;  // the last is next
    Service* now = nullptr;      // whose end is waited for
  };

  void stop_all(ServiceHold hold) noexcept;
  void stop_next() noexcept;

  std::vector<std::unique_ptr<Service>> services_;
  std::shared_ptr<Round> round_;  // while there is one
};

}  // namespace parley
