#include "parley/reactor/datagram.h"

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/loop/loop.h"
#include "parley/socket/socket.h"

namespace parley {

namespace {

void require(const std::unique_ptr<DatagramProtocol>& protocol, const char* message) {
  if (protocol == nullptr) throw std::invalid_argument(message);
}

Socket socket_of(Family family, const DatagramSettings& settings) {
  Socket socket(family, Type::datagram);
  socket.setblocking(false);
  if (settings.reuse_port) socket.setsockopt(options::reuse_port, true);
  if (settings.listen_multiple) socket.setsockopt(options::reuse_addr, true);
  return socket;
}

Socket bound(const Address& address, Family family, const DatagramSettings& settings) {
  Socket socket = socket_of(family, settings);
  if (family == Family::inet6) socket.setsockopt(options::v6_only, false);
  socket.bind(address);
  return socket;
}

// Its file, which goes with it; empty for an abstract name.
std::string file_of(const Address& address) {
  const std::string& path = address.path();
  return path.empty() || path.front() == '\0' ? std::string() : path;
}

void remove_file(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

// Whether a path is a socket that is left over from somebody who is gone.
bool nobody_reads(const std::string& path, const Address& address) {
  std::error_code error;
  if (path.empty() || !std::filesystem::is_socket(path, error)) return false;
  return socket_of(Family::local, {}).connect_ex(address) == std::errc::connection_refused;
}

Socket bound_local(const Address& address) {
  if (address.family() != Family::local) {
    throw AddressError(format(address, " is no address of a Unix socket: Address::local(path) makes one"));
  }
  try {
    return bound(address, Family::local, {});
  } catch (const SocketError& error) {
    const std::string path = file_of(address);
    if (error.code() != std::errc::address_in_use || !nobody_reads(path, address)) throw;
    std::filesystem::remove(path);
    return bound(address, Family::local, {});
  }
}

void require_network(const Address& address) {
  if (address.family() != Family::local) return;
  throw AddressError(
      format(address, " is an address of a Unix socket: the calls with unix_datagram are for that"));
}

// A socket's file is removed unless it becomes a port's.
std::uint64_t open(Loop& loop, Socket socket, const Address& peer, const std::optional<Address>& own,
                   std::unique_ptr<DatagramProtocol> protocol) {
  const std::string file = own ? file_of(*own) : std::string();
  try {
    return loop.datagrams().open(std::move(socket), peer, file, std::move(protocol));
  } catch (...) {
    remove_file(file);
    throw;
  }
}

}  // namespace

DatagramTransport* DatagramPort::transport() const {
  return loop_ == nullptr ? nullptr : loop_->datagrams().find(id_);
}

Address DatagramPort::host() const {
  const DatagramTransport* const open = transport();
  return open == nullptr ? Address() : open->host();
}

void DatagramPort::stop_listening() {
  if (DatagramTransport* const open = transport()) open->stop_listening();
}

DatagramPort Reactor::listen_udp(const Address& address, std::unique_ptr<DatagramProtocol> protocol,
                                 const DatagramSettings& settings) {
  require(protocol, "listen_udp: no protocol was given");
  require_network(address);
  const bool any = address.family() == Family::unspecified;
  Socket socket = [&] {
    if (!any) return bound(address, address.family(), settings);
    try {
      return bound(address, Family::inet6, settings);
    } catch (const SocketError&) {  // a machine without IPv6; one where the port is taken says so again
      return bound(address, Family::inet, settings);
    }
  }();
  return {loop_.get(), open(*loop_, std::move(socket), {}, {}, std::move(protocol))};
}

DatagramPort Reactor::connect_udp(const Address& peer, std::unique_ptr<DatagramProtocol> protocol,
                                  const DatagramSettings& settings) {
  require(protocol, "connect_udp: no protocol was given");
  require_network(peer);
  if (peer.family() == Family::unspecified) {
    throw AddressError(format(peer, " names no host to connect to"));
  }
  Socket socket = socket_of(peer.family(), settings);
  if (settings.source) socket.bind(*settings.source);
  socket.connect(peer);
  return {loop_.get(), open(*loop_, std::move(socket), peer, {}, std::move(protocol))};
}

DatagramPort Reactor::listen_unix_datagram(const Address& address,
                                           std::unique_ptr<DatagramProtocol> protocol) {
  require(protocol, "listen_unix_datagram: no protocol was given");
  return {loop_.get(), open(*loop_, bound_local(address), {}, address, std::move(protocol))};
}

DatagramPort Reactor::connect_unix_datagram(const Address& peer, std::unique_ptr<DatagramProtocol> protocol,
                                            const DatagramSettings& settings) {
  require(protocol, "connect_unix_datagram: no protocol was given");
  Socket socket = settings.source ? bound_local(*settings.source) : socket_of(Family::local, settings);
  try {
    socket.connect(peer);
  } catch (...) {
    if (settings.source) remove_file(file_of(*settings.source));
    throw;
  }
  return {loop_.get(), open(*loop_, std::move(socket), peer, settings.source, std::move(protocol))};
}

}  // namespace parley
