#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "parley/reactor/connector.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/service/endpoints.h"

namespace parley {

// Listens where an endpoint says, and has `factory` make a protocol for each connection. What the endpoint
// says about mode and backlog replaces what `settings` do. A socket that is inherited is taken over: it can
// be listened at once. Throws EndpointError for a string that cannot be read, SocketError.
ListeningPort listen(Reactor& reactor, const ServerEndpoint& endpoint, std::shared_ptr<Factory> factory,
                     ListenSettings settings = {});
ListeningPort listen(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                     ListenSettings settings = {});
template <MakesProtocol F>
ListeningPort listen(Reactor& reactor, std::string_view endpoint, F make, ListenSettings settings = {}) {
  return listen(reactor, endpoint, std::shared_ptr<Factory>(factory(std::move(make))), std::move(settings));
}

// Connects to where an endpoint says, as `Reactor::connect_tcp` and `connect_unix` do. What the endpoint says
// about timeout and bind_address replaces what `settings` do. Throws EndpointError for a string that cannot
// be read, AddressError.
Connector connect(Reactor& reactor, const ClientEndpoint& endpoint, std::shared_ptr<Factory> factory,
                  ConnectSettings settings = {});
Connector connect(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                  ConnectSettings settings = {});
template <MakesProtocol F>
Connector connect(Reactor& reactor, std::string_view endpoint, F make, ConnectSettings settings = {}) {
  return connect(reactor, endpoint, std::shared_ptr<Factory>(factory(std::move(make))), std::move(settings));
}

}  // namespace parley
