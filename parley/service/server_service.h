#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/service/endpoints.h"
#include "parley/service/service.h"

namespace parley {

// A service that listens while it runs; already from its privileged start on, where it has one. Connections
// that were accepted live on when it has stopped.
class ServerService : public Service {
 public:
  // `endpoint` says where. The reactor must outlive the service.
  ServerService(Reactor& reactor, ServerEndpoint endpoint, std::shared_ptr<Factory> factory,
                ListenSettings settings = {}, std::string name = {});
  // The same as a string; throws EndpointError.
  ServerService(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                ListenSettings settings = {}, std::string name = {});
  template <MakesProtocol F>
  ServerService(Reactor& reactor, std::string_view endpoint, F make, ListenSettings settings = {},
                std::string name = {})
      : ServerService(reactor, endpoint, std::shared_ptr<Factory>(factory(std::move(make))),
                      std::move(settings), std::move(name)) {}
  ~ServerService() override;

  // The real address; any address while it does not listen.
  Address host() const { return port_.host(); }

 protected:
  // Both throw what `listen` throws.
  void privileged_start() override;
  void start() override;
  void stop(ServiceHold hold) noexcept override;

 private:
  Reactor& reactor_;
  ServerEndpoint endpoint_;
  std::shared_ptr<Factory> factory_;
  ListenSettings settings_;
  ListeningPort port_;
  bool listens_ = false;
};

}  // namespace parley
