#pragma once

#include "parley/server/base_server.h"

namespace parley {

// A server of TCP connections: `TcpServer server({"", 2525}, handler<Hello>)`.
class TcpServer : public BaseServer {
 public:
  // Binds and listens at once, unless the settings say otherwise. Any address is IPv4's. Throws SocketError,
  // and AddressError when it cannot have the address.
  TcpServer(const Address& address, HandlerFactory make_handler, const ServerSettings& settings = {});

  void server_activate() override;
  Request get_request() override;

 protected:
  struct Unbound {};
  TcpServer(Unbound, const Address& address, HandlerFactory make_handler, const ServerSettings& settings);
};

}  // namespace parley
