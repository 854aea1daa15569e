#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/base/log.h"
#include "parley/base/move_only_function.h"
#include "parley/reactor/backoff.h"
#include "parley/reactor/connector.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/service/endpoints.h"
#include "parley/service/service.h"

namespace parley {

// How a ClientService keeps its connection; each may be left out.
struct ClientServiceSettings {
  // The waits between attempts; they begin anew when a connection was made, which under a filter is when that
  // lets the protocol begin.
  BackoffSettings backoff{};
  ConnectSettings connect{};
  // Told why an attempt has failed, from the loop. Without it that is logged.
  std::function<void(const SocketError&)> failed{};
  Log* log = &standard_log();
  std::uint32_t seed = std::random_device{}();  // of the jitter
};

// A service that keeps one connection open while it runs: it connects, and connects again when that has
// failed or the connection is lost, after waits that grow. When it is stopped, the connection is closed as
// by `lose_connection`, and it has stopped when that has gone.
class ClientService : public Service {
 public:
  // `factory` makes a protocol for each connection; where it is a ClientFactory, its hooks are called too,
  // and must not call `connect`. The reactor must outlive the service.
  ClientService(Reactor& reactor, ClientEndpoint endpoint, std::shared_ptr<Factory> factory,
                ClientServiceSettings settings = {}, std::string name = {});
  // The same as a string; throws EndpointError.
  ClientService(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                ClientServiceSettings settings = {}, std::string name = {});
  template <MakesProtocol F>
  ClientService(Reactor& reactor, std::string_view endpoint, F make, ClientServiceSettings settings = {},
                std::string name = {})
      : ClientService(reactor, endpoint, std::shared_ptr<Factory>(factory(std::move(make))),
                      std::move(settings), std::move(name)) {}
  // What is being tried is given up; a connection that is there is closed.
  ~ClientService() override;

  // Calls `call` with the name of the connection: once, from the loop, as soon as there is one. Dropped with
  // the service, and when it is stopped before.
  void when_connected(MoveOnlyFunction<void(TransportId)> call);
  // The connection, where there is one.
  TransportId connection() const { return connector_.connection(); }

 protected:
  void start() override;
  void stop(ServiceHold hold) noexcept override;

 private:
  class Wiring;

  void connected();
  void tell_soon();
  void tell_connected();
  void try_again(Connector& connector);
  void over();

  Reactor& reactor_;
  ClientEndpoint endpoint_;
  std::shared_ptr<Factory> factory_;
  ClientServiceSettings settings_;
  Backoff backoff_;
  std::mt19937 random_;
  std::shared_ptr<Wiring> wiring_;  // while there is a connector
  Connector connector_;
  Timer telling_;
  std::vector<MoveOnlyFunction<void(TransportId)>> waiting_;
  ServiceHold hold_;
};

}  // namespace parley
