#include "parley/server/tcp.h"

#include <utility>

namespace parley {

namespace {

Address network_address(const Address& address) {
  if (address.family() != Family::local) return address;
  throw AddressError(concat(address, " is a local address: that is for a UnixStreamServer"));
}

}  // namespace

TcpServer::TcpServer(const Address& address, HandlerFactory make_handler, const ServerSettings& settings)
    : TcpServer(Unbound{}, network_address(address), std::move(make_handler), settings) {
  if (settings.bind_and_activate) bind_and_activate();
}

TcpServer::TcpServer(Unbound, const Address& address, HandlerFactory make_handler,
                     const ServerSettings& settings)
    : BaseServer(address, std::move(make_handler), settings, Type::stream) {}

void TcpServer::server_activate() {
  socket().listen(settings().request_queue_size);
}

Request TcpServer::get_request() {
  // A connection may be gone again between the wait and this: `accept` must not wait for another one, or
  // `shutdown` would.
  if (socket().getblocking()) socket().setblocking(false);
  auto [connection, client] = socket().accept();
  return {std::move(connection), {}, std::move(client)};
}

}  // namespace parley
