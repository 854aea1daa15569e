#include "parley/reactor/datagram.h"

#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/loop/loop.h"
#include "parley/reactor/reactor.h"

namespace parley {

namespace {

void require(const std::unique_ptr<DatagramProtocol>& protocol, const char* message) {
  if (protocol == nullptr) throw std::invalid_argument(message);
}

DatagramOptions options_of(const DatagramSettings& settings) {
  DatagramOptions options;
  options.reuse_port = settings.reuse_port;
  options.listen_multiple = settings.listen_multiple;
  options.v6_only = settings.v6_only;
  return options;
}

void require_network(const Address& address) {
  if (address.family() != Family::local) return;
  throw AddressError(
      concat(address, " is an address of a Unix socket: the calls with unix_datagram are for that"));
}

void require_local(const Address& address) {
  if (address.family() == Family::local && !address.path().empty()) return;
  throw AddressError(concat(address, " is no address of a Unix socket: Address::local(path) makes one"));
}

}  // namespace

DatagramTransport* DatagramPort::transport() const {
  return loop_ == nullptr ? nullptr : loop_->datagrams().find(id_);
}

Address DatagramPort::host() const {
  const DatagramTransport* const open = transport();
  return open == nullptr ? Address() : open->host();
}

int DatagramPort::fileno() const {
  const DatagramTransport* const open = transport();
  return open == nullptr ? -1 : open->fileno();
}

void DatagramPort::stop_listening() {
  if (DatagramTransport* const open = transport()) open->stop_listening();
}

DatagramPort Reactor::listen_udp(const Address& address, std::unique_ptr<DatagramProtocol> protocol,
                                 const DatagramSettings& settings) {
  require(protocol, "listen_udp: no protocol was given");
  require_network(address);
  return {loop_, loop_->datagrams().open(address, options_of(settings), {}, std::move(protocol))};
}

DatagramPort Reactor::connect_udp(const Address& peer, std::unique_ptr<DatagramProtocol> protocol,
                                  const DatagramSettings& settings) {
  require(protocol, "connect_udp: no protocol was given");
  require_network(peer);
  if (peer.family() == Family::unspecified) {
    throw AddressError(concat(peer, " names no host to connect to"));
  }
  Address source = settings.source.value_or(Address());
  if (source.family() == Family::unspecified) {
    // Every address of the peer's family: without a host the socket would be one for both families.
    source = Address(peer.family() == Family::inet6 ? "::" : "0.0.0.0", source.port());
  }
  return {loop_, loop_->datagrams().open(source, options_of(settings), peer, std::move(protocol))};
}

DatagramPort Reactor::listen_unix_datagram(const Address& address,
                                           std::unique_ptr<DatagramProtocol> protocol) {
  require(protocol, "listen_unix_datagram: no protocol was given");
  require_local(address);
  return {loop_, loop_->datagrams().open(address, {}, {}, std::move(protocol))};
}

DatagramPort Reactor::connect_unix_datagram(const Address& peer, std::unique_ptr<DatagramProtocol> protocol,
                                            const DatagramSettings& settings) {
  require(protocol, "connect_unix_datagram: no protocol was given");
  if (settings.source) require_local(*settings.source);
  // A socket without a name.
  const Address source = settings.source.value_or(Address::local_peer(0));
  return {loop_, loop_->datagrams().open(source, {}, peer, std::move(protocol))};
}

}  // namespace parley
