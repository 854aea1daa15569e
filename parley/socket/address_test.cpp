#include "parley/socket/address.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_set>

#include "parley/socket/sockaddr.h"

namespace parley {
namespace {

static_assert(std::is_trivially_copyable_v<CompactAddress> && sizeof(CompactAddress) == 24);

std::string error_of(auto&& make) {
  try {
    make();
  } catch (const AddressError& error) {
    return error.what();
  }
  return "no error";
}

std::string parse_error(std::string_view text) {
  const auto result = Address::parse(text);
  return result ? "no error: " + concat(*result) : std::string(result.error().what());
}

TEST(Address, PrintsAsPeopleWriteIt) {
  EXPECT_EQ(concat(Address("127.0.0.1", 80)), "127.0.0.1:80");
  EXPECT_EQ(concat(Address("255.0.10.9", 65535)), "255.0.10.9:65535");
  EXPECT_EQ(concat(Address("::1", 80)), "[::1]:80");
  EXPECT_EQ(concat(Address("2001:DB8:0:0:0:0:0:1", 0)), "[2001:db8::1]:0");
  EXPECT_EQ(concat(Address("", 2525)), "*:2525");
  EXPECT_EQ(concat(Address()), "*:0");
  EXPECT_EQ(concat(Address::local("/run/x")), "/run/x");
  EXPECT_EQ(concat(Address::local("x.sock")), "local:x.sock");
  EXPECT_EQ(concat(Address::abstract("name")), "@name");
  EXPECT_EQ(concat(Address::local_peer(7)), "[local:7]");
  std::ostringstream out;
  out << Address("::1", 80) << ' ' << Endpoint("localhost", 25);
  EXPECT_EQ(out.str(), "[::1]:80 localhost:25");
}

TEST(Address, ParsesWhatItPrinted) {
  for (const Address& address :
       {Address("127.0.0.1", 80), Address("::1", 80), Address("fe80::1%2", 65535),
        Address("::ffff:1.2.3.4", 1), Address("", 2525), Address(), Address::local("/run/x"),
        Address::local("x:80"), Address::local("/tmp/a\nb\\x0a"), Address::abstract("name"),
        Address::abstract(std::string("a\0b", 3)), Address::abstract(""), Address::local_peer(0),
        Address::local_peer(4294967295U)}) {
    const auto again = Address::parse(concat(address));
    ASSERT_TRUE(again) << address << ": " << again.error().what();
    EXPECT_EQ(*again, address) << address;
  }
}

TEST(Address, ANameFromOutsideCannotUpsetALog) {
  EXPECT_EQ(concat(Address::abstract("a\n\x1b[2J")), "@a\\x0a\\x1b[2J");
}

TEST(Address, KeepsItsParts) {
  const Address address("fe80::1%4000000000", 443);
  EXPECT_EQ(address.family(), Family::inet6);
  EXPECT_EQ(address.host(), "fe80::1%4000000000");
  EXPECT_EQ(address.port(), 443);
  EXPECT_EQ(address.scope(), 4'000'000'000U);
  EXPECT_EQ(Address("", 5).family(), Family::unspecified);
  EXPECT_EQ(Address("", 5).host(), "");
  EXPECT_EQ(Address::local_peer(9).number(), 9U);
  EXPECT_EQ(Address::abstract("x").path(), std::string("\0x", 2));
}

TEST(Address, AScopeIsGivenByNameOrIndexAndPrintsAsTheName) {
  const Address address("fe80::1%lo", 80);
  EXPECT_EQ(address.scope(), 1U);  // Linux's lo is the first
  EXPECT_EQ(address, Address("fe80::1%1", 80));
  EXPECT_EQ(concat(address), "[fe80::1%lo]:80");
  EXPECT_EQ(address.host(), "fe80::1%lo");
  EXPECT_EQ(*Address::parse("[fe80::1%lo]:80"), address);
  EXPECT_EQ(Endpoint(address), Endpoint("fe80::1%lo", 80));
  // One that is gone prints as its index, and leaves errno alone.
  errno = EINTR;
  EXPECT_EQ(concat(Address("fe80::1%4294967295", 80)), "[fe80::1%4294967295]:80");
  EXPECT_EQ(errno, EINTR);
}

TEST(Address, SaysWhichPartIsWrong) {
  EXPECT_EQ(error_of([] { Address("127.0.0.1", 70000); }), "port 70000 is out of range (0 to 65535)");
  EXPECT_EQ(error_of([] { Address("127.0.0.1", -1); }), "port -1 is out of range (0 to 65535)");
  EXPECT_EQ(error_of([] { Address("localhost", 80); }),
            "\"localhost\" is no numeric address (names of hosts go into an Endpoint)");
  EXPECT_NE(error_of([] { Address("1.2.3", 80); }), "no error");
  EXPECT_NE(error_of([] { Address("1.2.3.4%lo", 80); }), "no error");
  EXPECT_NE(error_of([] { Address(std::string_view("1.2.3.4\0", 8), 80); }), "no error");
  EXPECT_EQ(error_of([] { Address("fe80::1%nowhere0", 80); }),
            "no interface is called \"nowhere0\" (in \"fe80::1%nowhere0\")");
  EXPECT_EQ(error_of([] { Address::local(std::string(108, 'x')); }), "no error");
  EXPECT_TRUE(
      error_of([] { Address::local(std::string(109, 'x')); }).starts_with("a local address has at most 108"));
  EXPECT_NE(error_of([] { Address::local(""); }), "no error");
  EXPECT_NE(error_of([] { Address::local(std::string_view("a\0b", 3)); }), "no error");
}

TEST(Address, ParsingSaysWhichPartIsWrong) {
  EXPECT_EQ(parse_error("127.0.0.1"), "\"127.0.0.1\" has no port (HOST:PORT)");
  EXPECT_EQ(parse_error("[::1]"), "\"[::1]\" has no port (HOST:PORT)");
  EXPECT_EQ(parse_error("127.0.0.1:http"), "\"http\" is no port (in \"127.0.0.1:http\")");
  EXPECT_EQ(parse_error("127.0.0.1:"), "\"\" is no port (in \"127.0.0.1:\")");
  EXPECT_EQ(parse_error("127.0.0.1:80 "), "\"80 \" is no port (in \"127.0.0.1:80 \")");
  EXPECT_EQ(parse_error("127.0.0.1:70000"), "port 70000 is out of range (0 to 65535)");
  EXPECT_EQ(parse_error("127.0.0.1:99999999999"),
            "\"99999999999\" is no port (in \"127.0.0.1:99999999999\")");
  EXPECT_EQ(parse_error("::1:80"), "an IPv6 address stands in brackets before its port (in \"::1:80\")");
  EXPECT_EQ(parse_error("[1.2.3.4]:80"), "only IPv6 stands in brackets (in \"[1.2.3.4]:80\")");
  EXPECT_TRUE(parse_error("localhost:80").starts_with("\"localhost\" is no numeric address"));
  EXPECT_EQ(parse_error("[local:x]"), "\"x\" is no number of a local peer (in \"[local:x]\")");
  EXPECT_EQ(parse_error(""), "\"\" has no port (HOST:PORT)");
}

TEST(Address, ComparesAndHashes) {
  EXPECT_LT(Address("127.0.0.1", 80), Address("127.0.0.1", 81));
  EXPECT_LT(Address("127.0.0.1", 90), Address("127.0.0.2", 80));
  EXPECT_LT(Address("127.0.0.1", 90), Address("::1", 80));
  EXPECT_LT(Address::local("/a"), Address::local("/b"));
  EXPECT_NE(Address("", 80), Address("0.0.0.0", 80));
  EXPECT_NE(Address::local_peer(1), Address::local_peer(2));
  std::unordered_set<Address> all{Address("127.0.0.1", 80), Address("127.0.0.1", 80),
                                  Address("127.0.0.1", 81), Address::local("/a"), Address::local("/b")};
  EXPECT_EQ(all.size(), 4U);
  EXPECT_TRUE(all.contains(Address::local("/b")));
}

TEST(Address, GoesThroughTheCompactFormAndBack) {
  for (const Address& address :
       {Address("127.0.0.1", 80), Address("fe80::1%2", 81), Address("", 5), Address::local_peer(12)}) {
    EXPECT_EQ(Address(address.compact()), address);
    EXPECT_EQ(concat(address.compact()), concat(address));
  }
  EXPECT_EQ(Address(Address::local("/run/x").compact()), Address::local_peer(0));
}

TEST(Sockaddr, GoesToTheKernelsFormAndBack) {
  for (const Address& address :
       {Address("127.0.0.1", 80), Address("fe80::1%2", 81), Address::local("/run/x"), Address::abstract("x"),
        Address::abstract(std::string("a\0b\0", 4)), Address::local(std::string(108, 'p'))}) {
    const RawAddress raw = to_raw(address, address.family());
    EXPECT_EQ(from_raw(raw), address) << address;
    EXPECT_EQ(compact_from_raw(raw), address.compact());
  }
}

TEST(Sockaddr, AnyAddressTakesTheSocketsFamily) {
  EXPECT_EQ(concat(from_raw(to_raw({"", 80}, Family::inet))), "0.0.0.0:80");
  EXPECT_EQ(concat(from_raw(to_raw({"", 80}, Family::inet6))), "[::]:80");
}

TEST(Sockaddr, IPv4GoesIntoAnInet6SocketAndComesBackAsIPv4) {
  const Address peer("10.1.2.3", 4000);
  const RawAddress raw = to_raw(peer, Family::inet6);
  EXPECT_EQ(raw.storage.ss_family, AF_INET6);
  EXPECT_EQ(from_raw(raw), peer);
}

TEST(Sockaddr, RefusesTheWrongFamily) {
  EXPECT_EQ(error_of([] { to_raw({"::1", 80}, Family::inet); }),
            "[::1]:80 is an address of family inet6, the socket's family is inet");
  EXPECT_NE(error_of([] { to_raw({"", 80}, Family::local); }), "no error");
  EXPECT_NE(error_of([] { to_raw(Address::local("/x"), Family::inet); }), "no error");
  EXPECT_NE(error_of([] { to_raw(Address::local_peer(3), Family::local); }), "no error");
}

TEST(Sockaddr, AnUnnamedLocalPeerHasNoName) {
  RawAddress raw;
  raw.storage.ss_family = AF_UNIX;
  raw.size = sizeof(sa_family_t);
  EXPECT_EQ(from_raw(raw), Address::local_peer(0));
  raw.size = 0;
  EXPECT_EQ(from_raw(raw), Address());
}

TEST(Packed, GoesToBytesAndBack) {
  EXPECT_EQ(inet_pton(Family::inet, "127.0.0.1"), std::string("\x7f\0\0\1", 4));
  EXPECT_EQ(inet_pton(Family::inet6, "::1"), std::string(15, '\0') + '\1');
  for (const char* host : {"0.0.0.0", "255.254.3.1"}) {
    EXPECT_EQ(inet_ntop(Family::inet, inet_pton(Family::inet, host)), host);
  }
  for (const char* host : {"::", "2001:db8::7", "::ffff:1.2.3.4"}) {
    EXPECT_EQ(inet_ntop(Family::inet6, inet_pton(Family::inet6, host)), host);
  }
}

TEST(Packed, SaysWhatIsWrong) {
  EXPECT_EQ(error_of([] { inet_pton(Family::inet, "::1"); }), "\"::1\" is no plain address of family inet");
  EXPECT_EQ(error_of([] { inet_pton(Family::inet6, "fe80::1%lo"); }),
            "\"fe80::1%lo\" is no plain address of family inet6");
  EXPECT_NE(error_of([] { inet_pton(Family::unspecified, ""); }), "no error");
  EXPECT_NE(error_of([] { inet_pton(Family::inet, ""); }), "no error");
  EXPECT_NE(error_of([] { inet_pton(Family::inet, "localhost"); }), "no error");
  EXPECT_NE(error_of([] { inet_pton(Family::inet, "1.2.3"); }), "no error");
  EXPECT_EQ(error_of([] { inet_ntop(Family::inet, "12345"); }),
            "an address of family inet has 4 bytes, not 5");
  EXPECT_EQ(error_of([] { inet_ntop(Family::inet6, "1234"); }),
            "an address of family inet6 has 16 bytes, not 4");
  EXPECT_EQ(error_of([] { inet_ntop(Family::local, "/x"); }), "the family local has no numeric hosts");
}

TEST(Endpoint, SaysTheSameAsTheAddressItIsMadeOf) {
  EXPECT_EQ(concat(Endpoint("::1", 80)), "[::1]:80");
  EXPECT_EQ(concat(Endpoint("", 80)), "*:80");
  EXPECT_EQ(concat(Endpoint(Address("", 80))), concat(Address("", 80)));
  EXPECT_EQ(concat(Endpoint(Address::local("/run/x"))), "/run/x");
  EXPECT_EQ(concat(Endpoint(Address::abstract("x"))), "@x");
  EXPECT_EQ(concat(Endpoint(Address::local_peer(3))), "[local:3]");
}

}  // namespace
}  // namespace parley
