#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parley/socket/socket.h"

namespace parley {

// Two sockets connected to each other.
std::pair<Socket, Socket> socketpair(Family family = Family::local, Type type = Type::stream, int proto = 0);

// A Socket of a duplicate of the descriptor, which stays open (`Socket::adopt` takes it over).
Socket fromfd(int descriptor);

// One address that `create_connection` tried, and why it did not serve.
struct FailedAttempt {
  Address address;
  std::error_code reason;
  std::string message;
};

// All that `create_connection` tried in vain, where it is told `all_errors`. Its code is the last attempt's.
class ConnectionErrors : public SocketError {
 public:
  ConnectionErrors(std::string_view where, std::vector<FailedAttempt> attempts);
  // In the order in which they were tried; at least one.
  const std::vector<FailedAttempt>& attempts() const { return *attempts_; }

 private:
  std::shared_ptr<const std::vector<FailedAttempt>> attempts_;  // shared: copying must not throw
};

// A stream connection to the first of the endpoint's addresses that answers, tried in order. `timeout`
// is for each attempt, and stays the socket's; `source` is the address to connect from. When all fail,
// the error tells what each of them said. Throws SocketError, Timeout (the last attempt's was one), or for
// both ConnectionErrors with `all_errors`; ResolveError, AddressError, std::invalid_argument (a negative
// timeout).
Socket create_connection(const Endpoint& endpoint, std::optional<Duration> timeout = getdefaulttimeout(),
                         const std::optional<Address>& source = std::nullopt, bool all_errors = false);

// How `create_server` listens.
struct ServerOptions {
  int backlog = 128;            // connections that the kernel holds until they are accepted (`listen`)
  bool reuse_port = false;      // several servers on one port
  bool dualstack_ipv6 = false;  // an IPv6 socket that takes IPv4 connections as well
};

// A listening stream socket; a local address is one as well. Any address is IPv4's, or with `dualstack_ipv6`
// both; an IPv6 socket takes IPv4 only then, whatever the system's default. The port can be bound again at
// once after an earlier server's end. Throws SocketError; AddressError when an IPv4 or local address is to be
// dual-stack.
Socket create_server(const Address& address, const ServerOptions& how = {});

// Whether this machine has IPv6 sockets; and such that take IPv4 as well.
bool has_ipv6();
bool has_dualstack_ipv6();

}  // namespace parley
