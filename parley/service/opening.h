#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "parley/reactor/connector.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/service/endpoints.h"
#include "parley/tls/context.h"

namespace parley {

// The context of a server that listens there, with the files that the endpoint names: to have it looked at,
// reloaded or told of failures, where `listen` would keep its own. Its `wrap` is for the `ListenSettings` of
// a `tcp:` endpoint. Throws tls::Error, and SocketError where a file cannot be read.
tls::Context server_context(const ServerEndpoint::Tls& endpoint);

// Listens where an endpoint says, and has `factory` make a protocol for each connection. What the endpoint
// says about mode and backlog replaces what `settings` do. A socket that is inherited is taken over: it can
// be listened at once. What `settings.wrap` makes stands above TLS; the files of a certificate are read now,
// and again when they have changed (`tls::Context::load_cert_chain`). Throws EndpointError for a string that
// cannot be read, SocketError, and what `server_context` throws.
ListeningPort listen(Reactor& reactor, const ServerEndpoint& endpoint, std::shared_ptr<Factory> factory,
                     ListenSettings settings = {});
ListeningPort listen(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                     ListenSettings settings = {});
template <MakesProtocol F>
ListeningPort listen(Reactor& reactor, std::string_view endpoint, F make, ListenSettings settings = {}) {
  return listen(reactor, endpoint, std::shared_ptr<Factory>(factory(std::move(make))), std::move(settings));
}

// Connects to where an endpoint says, as `Reactor::connect_tcp` and `connect_unix` do. What the endpoint says
// about timeout and bind_address replaces what `settings` do. TLS is that of `tls::default_client()`, which
// trusts the authorities of the system; what `settings.wrap` makes stands above it. Throws EndpointError for
// a string that cannot be read, AddressError, and std::invalid_argument for a host that no certificate can be
// for.
Connector connect(Reactor& reactor, const ClientEndpoint& endpoint, std::shared_ptr<Factory> factory,
                  ConnectSettings settings = {});
Connector connect(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                  ConnectSettings settings = {});
template <MakesProtocol F>
Connector connect(Reactor& reactor, std::string_view endpoint, F make, ConnectSettings settings = {}) {
  return connect(reactor, endpoint, std::shared_ptr<Factory>(factory(std::move(make))), std::move(settings));
}

}  // namespace parley
