#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "parley/server/base_server.h"

namespace parley {

// A server of UDP datagrams. Its handlers answer from the server's own socket, which any number of
// threads may do at once. At every address, each is answered from the address that it was sent to.
class UdpServer : public BaseServer {
 public:
  // Binds at once, unless the settings say otherwise. Any address is IPv4's. Throws SocketError, and
  // AddressError when it cannot have the address.
  UdpServer(const Address& address, HandlerFactory make_handler, const ServerSettings& settings = {});

  // Of a larger datagram, what is beyond it is lost.
  std::size_t max_packet_size = 8192;

  void server_bind() override;
  Request get_request() override;

 protected:
  struct Unbound {};
  UdpServer(Unbound, const Address& address, HandlerFactory make_handler, const ServerSettings& settings);

 private:
  bool asks_ = false;  // which address a datagram was sent to
  std::string room_;
};

}  // namespace parley
