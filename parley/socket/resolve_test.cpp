#include "parley/socket/resolve.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>

#include "parley/socket/blocking.h"
#include "parley/socket/error.h"

namespace parley {
namespace {

TEST(Resolve, TakesNumericHostsAsTheyAre) {
  EXPECT_EQ(resolve({"127.0.0.1", 80}), std::vector{Address("127.0.0.1", 80)});
  EXPECT_EQ(resolve({"fe80::1%1", 80}), std::vector{Address("fe80::1%1", 80)});
  EXPECT_EQ(resolve({"::1", 80}, Type::stream, Family::inet6), std::vector{Address("::1", 80)});
}

TEST(Resolve, TakesWhatAnAddressBecame) {
  for (const Address& address :
       {Address("127.0.0.1", 80), Address("::ffff:1.2.3.4", 8), Address::local("/run/x"),
        Address::local("x y\n"), Address::abstract("name")}) {
    EXPECT_EQ(resolve(address), std::vector{address});
  }
}

TEST(Resolve, LooksNamesUp) {
  const auto four = resolve({"localhost", 25}, Type::stream, Family::inet);
  EXPECT_EQ(four, std::vector{Address("127.0.0.1", 25)});
  for (const Address& address : resolve({"localhost", 25}, Type::datagram)) {
    EXPECT_TRUE(address == Address("127.0.0.1", 25) || address == Address("::1", 25)) << address;
  }
}

TEST(Resolve, AnEmptyHostIsThisMachine) {
  const auto all = resolve({"", 25});
  EXPECT_NE(std::find(all.begin(), all.end(), Address("127.0.0.1", 25)), all.end());
}

TEST(Resolve, SaysWhatItCouldNotFind) {
  try {
    resolve({std::string(300, 'x'), 80});  // longer than a name may be: no server is asked
    FAIL() << "it was found";
  } catch (const ResolveError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("resolve xxx")) << error.what();
    EXPECT_EQ(error.code().category(), resolve_category());
  }
  EXPECT_THROW(resolve({std::string("127.0.0.1\0.example", 18), 80}), ResolveError);
}

TEST(Resolve, RefusesAWrongPortFirst) {
  try {
    resolve({"localhost", 70000});
    FAIL() << "it was taken";
  } catch (const AddressError& error) {
    EXPECT_STREQ(error.what(), "port 70000 is out of range (0 to 65535)");
  }
}

std::error_code reason_of(auto&& call) {
  try {
    call();
  } catch (const ResolveError& error) {
    return error.code();
  }
  return {};
}

TEST(GetAddrInfo, GivesEachWayToReachAHost) {
  const AddressInfo tcp{Family::inet, Type::stream, IPPROTO_TCP, "", Address("127.0.0.1", 80)};
  const AddressInfo udp{Family::inet, Type::datagram, IPPROTO_UDP, "", Address("127.0.0.1", 80)};
  const auto all = getaddrinfo("127.0.0.1", 80);
  EXPECT_NE(std::find(all.begin(), all.end(), tcp), all.end());
  EXPECT_NE(std::find(all.begin(), all.end(), udp), all.end());
  EXPECT_EQ(getaddrinfo("127.0.0.1", 80, {.type = Type::stream}), std::vector{tcp});
  EXPECT_EQ(getaddrinfo("127.0.0.1", 80, {.proto = IPPROTO_UDP}), std::vector{udp});
}

TEST(GetAddrInfo, LooksUpHostsAndServices) {
  const auto found = getaddrinfo("localhost", "http", {.family = Family::inet, .type = Type::stream});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].address, Address("127.0.0.1", 80));
  EXPECT_EQ(getaddrinfo("::1", "443", {.type = Type::stream}).at(0).address, Address("::1", 443));
  EXPECT_EQ(getaddrinfo("::1", "", {.type = Type::stream}).at(0).address, Address("::1", 0));
}

TEST(GetAddrInfo, DoesAsTheHintsSay) {
  EXPECT_EQ(getaddrinfo("", 80, {.family = Family::inet, .type = Type::stream}).at(0).address,
            Address("127.0.0.1", 80));
  EXPECT_EQ(
      getaddrinfo("", 80, {.family = Family::inet, .type = Type::stream, .passive = true}).at(0).address,
      Address("0.0.0.0", 80));
  EXPECT_EQ(
      getaddrinfo("localhost", 0, {.family = Family::inet, .canonical_name = true}).at(0).canonical_name,
      "localhost");
  EXPECT_EQ(reason_of([] { getaddrinfo("localhost", 0, {.numeric_host = true}); }),
            std::error_code(EAI_NONAME, resolve_category()));
  EXPECT_EQ(reason_of([] { getaddrinfo("127.0.0.1", "http", {.numeric_service = true}); }),
            std::error_code(EAI_NONAME, resolve_category()));
  EXPECT_EQ(getaddrinfo("1.2.3.4", 0, {.family = Family::inet6, .v4_mapped = true}).at(0).address,
            Address("1.2.3.4", 0));  // it prints as what it is
}

TEST(GetAddrInfo, SaysWhatItCouldNotFind) {
  try {
    getaddrinfo("127.0.0.1", "no-such-service");
    FAIL() << "it was found";
  } catch (const ResolveError& error) {
    EXPECT_EQ(error.code(), std::error_code(EAI_SERVICE, resolve_category()));
    EXPECT_TRUE(std::string(error.what()).starts_with("getaddrinfo 127.0.0.1:no-such-service: "))
        << error.what();
  }
  EXPECT_THROW(getaddrinfo(std::string(300, 'x'), 80), ResolveError);
  EXPECT_THROW(getaddrinfo(std::string_view("localhost\0x", 11), 80), ResolveError);
  EXPECT_THROW(getaddrinfo("localhost", std::string_view("http\0x", 6)), ResolveError);
}

TEST(GetAddrInfo, RefusesAWrongPortFirst) {
  EXPECT_THROW(getaddrinfo("localhost", 65536), AddressError);
  EXPECT_THROW(getaddrinfo("localhost", -1), AddressError);
  EXPECT_THROW(getaddrinfo("localhost", "65536"), AddressError);
  EXPECT_THROW(getaddrinfo("localhost", "99999999999999"), AddressError);
}

TEST(GetNameInfo, GivesTheNamesOfHostAndPort) {
  const Address web("127.0.0.1", 80);
  EXPECT_EQ(getnameinfo(web), (NameInfo{"localhost", "http"}));
  EXPECT_EQ(getnameinfo(web, {.numeric_host = true}), (NameInfo{"127.0.0.1", "http"}));
  EXPECT_EQ(getnameinfo(web, {.numeric_host = true, .numeric_service = true}), (NameInfo{"127.0.0.1", "80"}));
  EXPECT_EQ(getnameinfo({"fe80::1%lo", 1}, {.numeric_host = true, .numeric_service = true}).host,
            "fe80::1%lo");
  // 512: `exec` in TCP, `biff` in UDP.
  EXPECT_EQ(getnameinfo({"127.0.0.1", 512}, {.numeric_host = true}).service, "exec");
  EXPECT_EQ(getnameinfo({"127.0.0.1", 512}, {.numeric_host = true, .datagram = true}).service, "biff");
}

TEST(GetNameInfo, RefusesAnAddressWithoutAHost) {
  EXPECT_THROW(getnameinfo(Address::local("/run/x")), AddressError);
  EXPECT_THROW(getnameinfo({"", 80}), AddressError);
  EXPECT_EQ(reason_of([] { getnameinfo({"240.0.0.1", 80}, {.numeric_host = true, .name_required = true}); }),
            std::error_code(EAI_NONAME, resolve_category()));
}

TEST(LookUps, AreRefusedInsideAReactorUnlessNothingIsAsked) {
  const InsideReactor inside;
  EXPECT_THROW(getaddrinfo("localhost", 80), std::logic_error);
  EXPECT_THROW(getaddrinfo("127.0.0.1", "http"), std::logic_error);
  EXPECT_THROW(getnameinfo({"127.0.0.1", 80}), std::logic_error);
  EXPECT_THROW(getnameinfo({"127.0.0.1", 80}, {.numeric_host = true}), std::logic_error);
  EXPECT_FALSE(getaddrinfo("127.0.0.1", 80).empty());
  EXPECT_FALSE(getaddrinfo("", "80").empty());
  EXPECT_EQ(getnameinfo({"127.0.0.1", 80}, {.numeric_host = true, .numeric_service = true}).service, "80");
}

}  // namespace
}  // namespace parley
