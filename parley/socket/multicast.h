#pragma once

#include <cstdint>

#include "parley/socket/address.h"
#include "parley/socket/socket.h"

namespace parley {

// Has the socket receive what is sent to a multicast group, at the port that it is bound to; the group's
// own port does not matter. `interface` is an interface's index (`if_nameindex`); 0 leaves it to the
// kernel's routes. Membership ends with `leave_group`, or with the socket. Throws SocketError (not a
// multicast address, already a member), AddressError for a group of another family than the socket's.
void join_group(Socket& socket, const Address& group, std::uint32_t interface = 0);
void leave_group(Socket& socket, const Address& group, std::uint32_t interface = 0);

// Through which interface the socket sends to groups; 0 leaves it to the kernel's routes. Throws SocketError.
// How far it goes and whether it comes back are options: `options::multicast_ttl` and `multicast_loop`, and
// for IPv6 `multicast_hops` and `multicast_loop6`.
void set_multicast_interface(Socket& socket, std::uint32_t interface);

}  // namespace parley
