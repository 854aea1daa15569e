#include "parley/socket/multicast.h"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

int level_of(const Socket& socket) {
  return socket.family() == Family::inet6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

// RFC 3678's interface, which is the same for both families and takes interfaces by their index.
void change_membership(Socket& socket, int option, const char* operation, const Address& group,
                       std::uint32_t interface) {
  if (group.family() != socket.family()) {  // v4-mapped ones are refused by the kernel without a reason
    throw AddressError(concat(group, " is of family ", group.family(), ", the socket's family is ",
                              socket.family(), " (a group must be of the socket's own family)"));
  }
  group_req request{};
  request.gr_interface = interface;
  request.gr_group = to_raw(group, socket.family()).storage;
  if (::setsockopt(socket.fileno(), level_of(socket), option, &request, sizeof request) == 0) return;
  const int error = errno;
  throw SocketError(operation, concat(group), {error, std::system_category()},
                    error == EINVAL       ? "no multicast address"
                    : error == EADDRINUSE ? "a member already"
                    : error == ENODEV     ? "no such interface, or no route to the group: name an interface"
                                          : "");
}

}  // namespace

void join_group(Socket& socket, const Address& group, std::uint32_t interface) {
  change_membership(socket, MCAST_JOIN_GROUP, "join_group", group, interface);
}

void leave_group(Socket& socket, const Address& group, std::uint32_t interface) {
  change_membership(socket, MCAST_LEAVE_GROUP, "leave_group", group, interface);
}

void set_multicast_interface(Socket& socket, std::uint32_t interface) {
  const int index = static_cast<int>(interface);
  if (socket.family() == Family::inet6) {
    socket.setsockopt(Option<int>{IPPROTO_IPV6, IPV6_MULTICAST_IF}, index);
    return;
  }
  ip_mreqn request{};
  request.imr_ifindex = index;
  socket.setsockopt(IPPROTO_IP, IP_MULTICAST_IF,
                    std::string_view(reinterpret_cast<const char*>(&request), sizeof request));
}

}  // namespace parley
