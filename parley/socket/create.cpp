#include "parley/socket/create.h"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>

#include "parley/socket/opening.h"
#include "parley/socket/resolve.h"
#include "parley/socket/sockaddr.h"

namespace parley {

std::pair<Socket, Socket> socketpair(Family family, Type type, int proto) {
  int both[2];
  const std::optional<Duration> timeout = getdefaulttimeout();
  const int kind = kind_of(type) | SOCK_CLOEXEC | (timeout ? SOCK_NONBLOCK : 0);
  if (::socketpair(domain_of(family), kind, proto, both) != 0) {
    throw SocketError("socketpair", concat(family, ' ', type), {errno, std::system_category()});
  }
  Socket first(Descriptor{both[0]}, family, type, proto, timeout);
  Socket second(Descriptor{both[1]}, family, type, proto, timeout);
  return {std::move(first), std::move(second)};
}

Socket fromfd(int descriptor) {
  Descriptor copy(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw SocketError("fromfd", concat("descriptor ", descriptor), {errno, std::system_category()});
  Socket socket = Socket::adopt(copy.get());
  copy.release();
  return socket;
}

namespace {

std::string told(const std::vector<FailedAttempt>& attempts) {
  if (attempts.size() == 1) return attempts.front().message;
  std::string all;
  for (const FailedAttempt& each : attempts) {
    all += concat(all.empty() ? "tried " : "; ", each.address, ": ", each.message);
  }
  return all;
}

// An IPv6 socket could be bound to IPv4, and reach nobody in IPv6 from there.
void require_source(const Address& source, const Address& to) {
  if (source.family() == Family::unspecified || source.family() == to.family()) return;
  throw AddressError(concat(source, " is an address of family ", source.family(), ", the one to reach, ", to,
                            ", is of family ", to.family()));
}

}  // namespace

ConnectionErrors::ConnectionErrors(std::string_view where, std::vector<FailedAttempt> attempts)
    : SocketError("connect", where, attempts.back().reason, told(attempts)),
      attempts_(std::make_shared<const std::vector<FailedAttempt>>(std::move(attempts))) {}

Socket create_connection(const Endpoint& endpoint, std::optional<Duration> timeout,
                         const std::optional<Address>& source, bool all_errors) {
  if (timeout && *timeout < Duration::zero()) {
    throw std::invalid_argument("create_connection: a negative timeout");
  }
  const std::vector<Address> addresses = resolve(endpoint);
  const bool alone = addresses.size() == 1 && !all_errors;
  std::vector<FailedAttempt> failed;
  for (const Address& address : addresses) {
    try {
      if (source) require_source(*source, address);
      Socket socket(address.family());
      socket.settimeout(timeout);
      if (source) socket.bind(*source);
      const std::error_code reason = socket.connect_address(address);
      if (!reason) return socket;
      if (alone) socket.fail_connect(endpoint, reason);
      failed.push_back({address, reason, reason.message()});
    } catch (const SocketError& error) {
      if (alone) throw;
      failed.push_back({address, error.code(), error.what()});
    } catch (const AddressError& error) {  // the source is of another family: the next one may be of its own
      if (alone) throw;
      failed.push_back(
          {address, std::make_error_code(std::errc::address_family_not_supported), error.what()});
    }
  }
  if (all_errors) throw ConnectionErrors(concat(endpoint), std::move(failed));
  const std::error_code last = failed.back().reason;
  if (timeout && last == std::make_error_code(std::errc::timed_out)) {
    throw Timeout("connect", concat(endpoint), *timeout, told(failed));
  }
  throw SocketError("connect", concat(endpoint), last, told(failed));
}

Socket create_server(const Address& address, const ServerOptions& how) {
  const Family own = address.family();
  if (how.dualstack_ipv6 && (own == Family::inet || own == Family::local)) {
    throw AddressError(concat(address, " cannot be dual-stack: only any address and IPv6 ones can"));
  }
  const Family any = how.dualstack_ipv6 ? Family::inet6 : Family::inet;
  Socket server(own == Family::unspecified ? any : own);
  const ListenOptions options{
      .reuse_port = how.reuse_port, .v6_only = !how.dualstack_ipv6, .no_delay = false};
  if (const std::error_code error = prepare_listening(server.fileno(), server.family(), options)) {
    throw SocketError("setsockopt", concat(address), error);
  }
  server.bind(address);
  server.listen(how.backlog);
  return server;
}

bool has_ipv6() {
  try {
    const Socket socket(Family::inet6);
    return true;
  } catch (const SocketError&) {
    return false;
  }
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
