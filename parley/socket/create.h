#pragma once

#include <optional>
#include <utility>

#include "parley/socket/socket.h"

namespace parley {

// Two sockets connected to each other.
std::pair<Socket, Socket> socketpair(Family family = Family::local, Type type = Type::stream, int proto = 0);

// A Socket of a duplicate of the descriptor, which stays open (`Socket::adopt` takes it over).
Socket fromfd(int descriptor);

// A stream connection to the first of the endpoint's addresses that answers, tried in order. `timeout`
// is for each attempt, and stays the socket's; `source` is the address to connect from. When all fail,
// the error tells what each of them said. Throws SocketError, Timeout (the last attempt's was one),
// ResolveError, AddressError.
Socket create_connection(const Endpoint& endpoint, std::optional<Duration> timeout = std::nullopt,
                         const std::optional<Address>& source = std::nullopt);

// How `create_server` listens.
struct ServerOptions {
  int backlog = 128;            // connections that the kernel holds until they are accepted; it caps it
  bool reuse_port = false;      // several servers on one port
  bool dualstack_ipv6 = false;  // an IPv6 socket that takes IPv4 connections as well
};

// A listening stream socket. Any address is IPv4's, or with `dualstack_ipv6` both; an IPv6 socket takes
// IPv4 only then, whatever the system's default. The port can be bound again at once after an earlier
// server's end. Throws SocketError; AddressError when an IPv4 or local address is to be dual-stack.
Socket create_server(const Address& address, const ServerOptions& how = {});

// Whether this machine has IPv6 sockets that take IPv4 as well.
bool has_dualstack_ipv6();

}  // namespace parley
