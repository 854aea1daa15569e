#pragma once

// Private to the library: which of our addresses a datagram was sent to, and which one an answer leaves from
// (RFC 3542, section 6; IPv4 likewise).

#include <array>
#include <cstddef>
#include <string_view>

#include "parley/socket/address.h"
#include "parley/socket/family.h"

struct msghdr;

namespace parley {

// What ancillary data of one datagram takes, where both families tell.
inline constexpr std::size_t packet_info_room = 96;

// Ancillary data that has a datagram leave from an address of ours, as the kernel wants it.
struct PacketInfo {
  int level = 0;
  int type = 0;
  std::array<char, 20> bytes{};
  std::size_t size = 0;

  std::string_view data() const { return {bytes.data(), size}; }
};
// For a socket of `family`, inet or inet6. The port does not matter. Throws AddressError where such a socket
// cannot have the address.
PacketInfo leaving_from(const CompactAddress& own, Family family);

// Memory for that ancillary data of one datagram.
struct PacketControl {
  alignas(std::max_align_t) std::array<char, packet_info_room> bytes;
};
// Makes it the ancillary data of a datagram that is to be sent; `control` must live as long as the header.
void attach(const PacketInfo& info, msghdr& header, PacketControl& control);

// Takes the address that a datagram was sent to from a piece of ancillary data, where it is there; port 0.
// Of a group or a broadcast address it is ours on the way there, as far as the kernel tells: for IPv6 it does
// not. Given all pieces of a datagram, one after another, in any order.
void note_asked(int level, int type, std::string_view data, CompactAddress& asked);

}  // namespace parley
