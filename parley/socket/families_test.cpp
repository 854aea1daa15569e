// One socket, one family; one address, one form.

#include <functional>
#include <gtest/gtest.h>
#include <netdb.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include "parley/socket/blocking.h"
#include "parley/socket/create.h"
#include "parley/socket/hosts.h"
#include "parley/socket/resolve.h"

namespace parley {
namespace {

std::string address_error(auto&& call) {
  try {
    call();
  } catch (const AddressError& error) {
    return error.what();
  } catch (const std::exception& error) {
    return concat("no AddressError, but: ", error.what());
  }
  return "no error";
}

std::error_code resolve_error(auto&& call) {
  try {
    call();
  } catch (const ResolveError& error) {
    return error.code();
  }
  return {};
}

TEST(Families, ANameIsNoLocalAddress) {
  const InsideReactor inside;  // a name server would be refused otherwise
  const std::string refused = "\"localhost\" is no local address (a path, such as /run/x, or @name)";
  Socket socket(Family::local);
  socket.setblocking(false);
  EXPECT_EQ(address_error([&] { socket.connect({"localhost", 80}); }), refused);
  EXPECT_EQ(address_error([&] { socket.connect_ex({"localhost", 80}); }), refused);
  EXPECT_EQ(address_error([] { resolve({"localhost", 80}, Type::stream, Family::local); }), refused);
  EXPECT_EQ(resolve({"/run/x", 0}, Type::stream, Family::local), std::vector{Address::local("/run/x")});
}

TEST(Families, ASocketThatTakesIPv6AloneIsGivenNoIPv4) {
  const Address four("127.0.0.1", 9);
  const std::string refused =
      "127.0.0.1:9 is an address of family inet, and the socket takes inet6 alone (v6_only)";
  for (const Type type : {Type::stream, Type::datagram}) {
    Socket socket(Family::inet6, type);
    socket.setsockopt(options::v6_only, true);
    EXPECT_EQ(address_error([&] { socket.bind(four); }), refused);
    EXPECT_EQ(address_error([&] { socket.connect(four); }), refused);
    EXPECT_EQ(address_error([&] { socket.connect_ex(four); }), refused);
    EXPECT_EQ(address_error([&] { socket.sendto("x", four); }), refused);
    EXPECT_EQ(address_error([&] { socket.sendmsg({"x"}, {}, {}, four); }), refused);
  }
  Socket both(Family::inet6, Type::datagram);
  both.setsockopt(options::v6_only, false);
  EXPECT_EQ(both.sendto("x", four), 1U);
}

TEST(Families, ALookUpForOneNeverAnswersAnother) {
  EXPECT_EQ(address_error([] { resolve({"127.0.0.1", 80}, Type::stream, Family::inet6); }),
            "127.0.0.1:80 is an address of family inet, asked for was inet6");
  EXPECT_EQ(address_error([] { resolve({"::1", 80}, Type::stream, Family::inet); }),
            "[::1]:80 is an address of family inet6, asked for was inet");
  EXPECT_EQ(address_error([] { resolve({"/run/x", 80}, Type::stream, Family::inet); }),
            "/run/x is an address of family local, asked for was inet");
  // IPv4, whatever the system makes of it.
  EXPECT_NE(address_error([] { resolve({"::ffff:127.0.0.1", 80}, Type::stream, Family::inet6); }),
            "no error");
  EXPECT_NE(resolve_error([] { getaddrinfo("::ffff:127.0.0.1", 80, {.family = Family::inet6}); }),
            std::error_code());
  for (const AddressInfo& info : getaddrinfo("::ffff:127.0.0.1", 80)) EXPECT_EQ(info.family, Family::inet);
  for (const Address& address : resolve({"", 80}, Type::stream, Family::inet6)) {
    EXPECT_EQ(address.family(), Family::inet6);
  }
}

TEST(Families, AnIPv6SocketStillTakesIPv4AsAnEndpoint) {
  const Socket server = create_server({"127.0.0.1", 0});
  Socket client(Family::inet6);
  client.setsockopt(options::v6_only, false);
  client.connect(server.getsockname());
  EXPECT_EQ(client.getpeername(), server.getsockname());
}

TEST(Families, GethostbynameReadsTheSpellingsThatPythonReads) {
  const InsideReactor inside;  // nobody is asked
  EXPECT_EQ(gethostbyname("0x7f.1"), "127.0.0.1");
  EXPECT_EQ(gethostbyname("127.1"), "127.0.0.1");
  EXPECT_EQ(gethostbyname("2130706433"), "127.0.0.1");
  EXPECT_EQ(gethostbyname("0177.0.0.01"), "127.0.0.1");
  EXPECT_EQ(gethostbyname(""), "0.0.0.0");
  EXPECT_EQ(gethostbyname("<broadcast>"), "255.255.255.255");
  EXPECT_EQ(gethostbyname("::ffff:1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(gethostbyname_ex("0x7f.1"), (HostEntry{"0x7f.1", {}, {"127.0.0.1"}}));
  EXPECT_EQ(resolve({"0x7f.1", 80}), std::vector{Address("127.0.0.1", 80)});
  EXPECT_EQ(getaddrinfo("0x7f.1", 80, {.type = Type::stream}).at(0).address, Address("127.0.0.1", 80));
  EXPECT_EQ(resolve_error([] { gethostbyname("::1"); }), std::error_code(EAI_ADDRFAMILY, resolve_category()));
  EXPECT_EQ(resolve_error([] { gethostbyname_ex("::1"); }),
            std::error_code(EAI_ADDRFAMILY, resolve_category()));
}

TEST(Families, AnIPv4MappedAddressIsTheIPv4Address) {
  const Address plain("1.2.3.4", 80), mapped("::ffff:1.2.3.4", 80);
  EXPECT_EQ(mapped, plain);
  EXPECT_EQ(mapped.family(), Family::inet);
  EXPECT_EQ(mapped.compact(), plain.compact());
  EXPECT_EQ(std::hash<Address>()(mapped), std::hash<Address>()(plain));
  EXPECT_EQ(concat(mapped), "1.2.3.4:80");
  EXPECT_EQ(*Address::parse("[::ffff:102:304]:80"), plain);
  CompactAddress raw{.family = Family::inet6, .port = 80};
  raw.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4};
  EXPECT_EQ(Address(raw), plain);
  EXPECT_EQ(address_error([] { Address("::ffff:1.2.3.4%lo", 80); }),
            "an IPv4 address has no scope (in \"::ffff:1.2.3.4%lo\")");
  EXPECT_EQ(Address("::1.2.3.4", 80).family(), Family::inet6);  // another thing
  // As bytes it stays what it is.
  EXPECT_EQ(inet_ntop(Family::inet6, inet_pton(Family::inet6, "::ffff:1.2.3.4")), "::ffff:1.2.3.4");
  EXPECT_THROW(inet_pton(Family::inet, "::ffff:1.2.3.4"), AddressError);
}

TEST(Families, APartOfAnAddressThatGoesDoesNotRefer) {
  static_assert(std::is_same_v<decltype(Address().path()), std::string>);
  static_assert(std::is_same_v<decltype(Address().compact()), CompactAddress>);
  const std::string& path = Address::local("/run/" + std::string(60, 'x')).path();
  EXPECT_EQ(path, "/run/" + std::string(60, 'x'));
}

}  // namespace
}  // namespace parley
