#include "parley/socket/multicast.h"

#include <gtest/gtest.h>
#include <memory>
#include <net/if.h>
#include <string>

namespace parley {
namespace {

using namespace std::chrono_literals;

std::string error_of(auto&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

struct Groups {
  explicit Groups(Family family)
      : inet(family == Family::inet),
        own(inet ? "127.0.0.1" : "::1", 0),
        receiver(family, Type::datagram),
        sender(family, Type::datagram) {
    receiver.bind({"", 0});
    receiver.settimeout(10s);
    const int port = receiver.getsockname().port();
    group = Address(inet ? "239.255.77.7" : concat("ff01::7707%", loopback), port);
    here = Address(own.host(), port);
    set_multicast_interface(sender, loopback);
  }

  // IPv6 has no route to groups over loopback everywhere: then over another interface, without leaving this
  // machine. False where there is none.
  bool find_a_way() {
    if (inet) return true;
    sender.setsockopt(options::multicast_hops, 0);
    const std::unique_ptr<struct if_nameindex[], void (*)(struct if_nameindex*)> all(if_nameindex(),
                                                                                     if_freenameindex);
    for (const struct if_nameindex* each = all.get(); each->if_index != 0; ++each) {
      loopback = each->if_index;
      group = Address(concat("ff01::7707%", loopback), here.port());
      set_multicast_interface(sender, loopback);
      try {
        sender.sendto("is there a way?", group);
        return true;
      } catch (const SocketError& error) {
        EXPECT_TRUE(error.code() == std::errc::network_unreachable ||
                    error.code() == std::errc::address_not_available)
            << error.what();
      }
    }
    return false;
  }

  // What comes of a message to the group, and one to the socket itself.
  std::string first() {
    sender.sendto("to all", group);
    sender.sendto("to one", here);
    return receiver.recv(100);
  }

  std::uint32_t loopback = if_nametoindex("lo");
  const bool inet;
  const Address own;
  Socket receiver, sender;
  Address group, here;
};

void check_membership(Groups& g) {
  EXPECT_EQ(g.first(), "to one");
  join_group(g.receiver, g.group, g.loopback);
  g.sender.sendto("to all", g.group);
  EXPECT_EQ(g.receiver.recv(100), "to all");
  leave_group(g.receiver, g.group, g.loopback);
  EXPECT_EQ(g.first(), "to one");
}

TEST(Multicast, OnlyMembersReceive) {
  Groups g(Family::inet);
  check_membership(g);
}

TEST(Multicast, OnlyMembersReceiveOverIPv6) {
  Groups g(Family::inet6);
  if (!g.find_a_way()) GTEST_SKIP() << "no route to IPv6 groups over any interface";
  check_membership(g);
}

TEST(Multicast, HasItsOptions) {
  for (const Family family : {Family::inet, Family::inet6}) {
    Groups g(family);
    const Option<int>& hops = g.inet ? options::multicast_ttl : options::multicast_hops;
    EXPECT_EQ(g.sender.getsockopt(hops), 1);
    g.sender.setsockopt(hops, 5);
    EXPECT_EQ(g.sender.getsockopt(hops), 5);
    const Option<bool>& loop = g.inet ? options::multicast_loop : options::multicast_loop6;
    EXPECT_TRUE(g.sender.getsockopt(loop));
    g.sender.setsockopt(loop, false);
    EXPECT_FALSE(g.sender.getsockopt(loop));
  }
}

TEST(Multicast, SaysWhatIsWrong) {
  for (const Family family : {Family::inet, Family::inet6}) {
    Groups g(family);
    join_group(g.receiver, g.group, g.loopback);
    EXPECT_EQ(error_of([&] { join_group(g.receiver, g.group, g.loopback); }),
              concat("join_group ", g.group, ": Address already in use (a member already)"));
    EXPECT_EQ(error_of([&] { join_group(g.sender, g.own, g.loopback); }),
              concat("join_group ", g.own, ": Invalid argument (no multicast address)"));
    EXPECT_EQ(error_of([&] { join_group(g.sender, g.group, 4'000'000); }),
              concat("join_group ", g.group,
                     ": No such device (no such interface, or no route to the group: name an interface)"));
    EXPECT_THROW(leave_group(g.sender, g.group, g.loopback), SocketError);
    const Address wrong = g.inet ? Address("ff01::7707", 0) : Address("239.255.77.7", 0);
    EXPECT_THROW(join_group(g.receiver, wrong, g.loopback), AddressError);
    EXPECT_THROW(set_multicast_interface(g.sender, 4'000'000), SocketError);
  }
}

}  // namespace
}  // namespace parley
