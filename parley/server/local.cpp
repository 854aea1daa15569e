#include "parley/server/local.h"

#include <utility>

namespace parley {

namespace {

Address local_address(const Address& address) {
  if (address.family() == Family::local) return address;
  throw AddressError(concat(address, " is no local address: make one with Address::local(path)"));
}

}  // namespace

UnixStreamServer::UnixStreamServer(const Address& path, HandlerFactory make_handler,
                                   const ServerSettings& settings)
    : TcpServer(Unbound{}, local_address(path), std::move(make_handler), settings) {
  if (settings.bind_and_activate) bind_and_activate();
}

UnixDatagramServer::UnixDatagramServer(const Address& path, HandlerFactory make_handler,
                                       const ServerSettings& settings)
    : UdpServer(Unbound{}, local_address(path), std::move(make_handler), settings) {
  if (settings.bind_and_activate) bind_and_activate();
}

}  // namespace parley
