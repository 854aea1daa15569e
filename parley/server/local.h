#pragma once

#include "parley/server/tcp.h"
#include "parley/server/udp.h"

namespace parley {

// A server of connections at a path, or one of Linux's abstract names:
// `UnixStreamServer server(Address::local("/run/x"), handler<Hello>)`. The file is left where it is when
// the server goes; it has to be removed before another one can have its path.
class UnixStreamServer : public TcpServer {
 public:
  // Binds and listens at once, unless the settings say otherwise. Throws SocketError, and AddressError when
  // the address is not local.
  UnixStreamServer(const Address& path, HandlerFactory make_handler, const ServerSettings& settings = {});
};

// The same for datagrams. A client that wants an answer is bound to a path (or name) too.
class UnixDatagramServer : public UdpServer {
 public:
  UnixDatagramServer(const Address& path, HandlerFactory make_handler, const ServerSettings& settings = {});
};

}  // namespace parley
