#include "parley/server/udp.h"

#include <span>
#include <utility>

#include "parley/socket/opening.h"
#include "parley/socket/packet_info.h"

namespace parley {

namespace {

Address network_address(const Address& address) {
  if (address.family() != Family::local) return address;
  throw AddressError(concat(address, " is a local address: that is for a UnixDatagramServer"));
}

}  // namespace

UdpServer::UdpServer(const Address& address, HandlerFactory make_handler, const ServerSettings& settings)
    : UdpServer(Unbound{}, network_address(address), std::move(make_handler), settings) {
  if (settings.bind_and_activate) bind_and_activate();
}

UdpServer::UdpServer(Unbound, const Address& address, HandlerFactory make_handler,
                     const ServerSettings& settings)
    : BaseServer(address, std::move(make_handler), settings, Type::datagram) {}

void UdpServer::server_bind() {
  BaseServer::server_bind();
  const Result<bool> told = tell_asked(fileno(), server_address(), socket().family());
  if (!told) throw SocketError("setsockopt", concat(server_address()), told.error());
  asks_ = *told;
}

Request UdpServer::get_request() {
  // A datagram may be dropped between the wait and this (its checksum was wrong): receiving must not wait for
  // another one, though sending answers may.
  room_.resize(max_packet_size);
  if (!asks_) {
    auto [size, client] = socket().recvfrom_into(room_, flags::dont_wait);
    return {std::nullopt, room_.substr(0, size), std::move(client)};
  }
  const std::span<char> room(room_);
  MessageInfo info = socket().recvmsg_into({&room, 1}, packet_info_room, flags::dont_wait);
  CompactAddress asked;
  for (const Ancillary& each : info.ancillary) note_asked(each.level, each.type, each.data, asked);
  return {std::nullopt, room_.substr(0, info.size), std::move(info.address), Address(asked)};
}

}  // namespace parley
