#include "parley/socket/create.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>

#include "parley/socket/resolve.h"
#include "parley/socket/sockaddr.h"

namespace parley {

std::pair<Socket, Socket> socketpair(Family family, Type type, int proto) {
  int both[2];
  if (::socketpair(domain_of(family), kind_of(type) | SOCK_CLOEXEC, proto, both) != 0) {
    throw SocketError("socketpair", format(family, ' ', type), {errno, std::system_category()});
  }
  Socket first(Descriptor{both[0]}, family, type, proto);
  Socket second(Descriptor{both[1]}, family, type, proto);
  return {std::move(first), std::move(second)};
}

Socket fromfd(int descriptor) {
  Descriptor copy(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw SocketError("fromfd", format("descriptor ", descriptor), {errno, std::system_category()});
  Socket socket = Socket::adopt(copy.get());
  copy.release();
  return socket;
}

Socket create_connection(const Endpoint& endpoint, std::optional<Duration> timeout,
                         const std::optional<Address>& source) {
  const std::vector<Address> addresses = resolve(endpoint);
  std::string failures;
  std::error_code last;
  for (const Address& address : addresses) {
    std::string said;
    try {
      Socket socket(address.family());
      socket.settimeout(timeout);
      if (source) socket.bind(*source);
      last = socket.connect_address(address);
      if (!last) return socket;
      if (addresses.size() == 1) socket.fail_connect(endpoint, last);
      said = last.message();
    } catch (const SocketError& error) {
      if (addresses.size() == 1) throw;
      last = error.code();
      said = error.what();
    }
    failures += format(failures.empty() ? "tried " : "; ", address, ": ", said);
  }
  if (timeout && last == std::make_error_code(std::errc::timed_out)) {
    throw Timeout("connect", format(endpoint), *timeout, failures);
  }
  throw SocketError("connect", format(endpoint), last, failures);
}

Socket create_server(const Address& address, const ServerOptions& how) {
  const Family own = address.family();
  if (how.dualstack_ipv6 && (own == Family::inet || own == Family::local)) {
    throw AddressError(format(address, " cannot be dual-stack: only any address and IPv6 ones can"));
  }
  const Family any = how.dualstack_ipv6 ? Family::inet6 : Family::inet;
  Socket server(own == Family::unspecified ? any : own);
  if (server.family() != Family::local) server.setsockopt(options::reuse_addr, true);
  if (how.reuse_port) server.setsockopt(options::reuse_port, true);
  if (server.family() == Family::inet6) server.setsockopt(options::v6_only, !how.dualstack_ipv6);
  server.bind(address);
  server.listen(how.backlog);
  return server;
}

bool has_dualstack_ipv6() {
  try {
    Socket socket(Family::inet6);
    socket.setsockopt(options::v6_only, false);
    return true;
  } catch (const SocketError&) {
    return false;
  }
}

}  // namespace parley
