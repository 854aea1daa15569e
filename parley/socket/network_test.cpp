#include "parley/socket/network.h"

#include <gtest/gtest.h>
#include <string>

namespace parley {
namespace {

Network network(std::string_view text) {
  const auto read = Network::parse(text);
  EXPECT_TRUE(read.ok()) << text;
  return read ? *read : Network(Address("0.0.0.0", 0), 0);
}

std::string error_of(std::string_view text) {
  const auto read = Network::parse(text);
  return read ? "no error" : read.error().what();
}

TEST(Network, HoldsWhatBeginsWithItsBits) {
  const Network loopback = network("127.0.0.0/8");
  EXPECT_TRUE(loopback.contains({"127.0.0.1", 0}));
  EXPECT_TRUE(loopback.contains({"127.255.255.255", 40000}));
  EXPECT_FALSE(loopback.contains({"126.255.255.255", 0}));
  EXPECT_FALSE(loopback.contains({"128.0.0.0", 0}));
  EXPECT_FALSE(loopback.contains({"7f00::1", 0})) << "another family";
  EXPECT_FALSE(loopback.contains(Address::local("/x")));
  EXPECT_FALSE(loopback.contains(Address()));

  const Network odd = network("2001:db8:0:8000::/49");
  EXPECT_TRUE(odd.contains({"2001:db8:0:8000::1", 0}));
  EXPECT_TRUE(odd.contains({"2001:db8:0:ffff:1::", 0}));
  EXPECT_FALSE(odd.contains({"2001:db8:0:7fff::", 0}));
  EXPECT_FALSE(odd.contains({"2001:db8:1:8000::", 0}));
}

TEST(Network, OneAddressAndAllOfThem) {
  EXPECT_TRUE(network("::1").contains({"::1", 9}));
  EXPECT_FALSE(network("::1").contains({"::2", 9}));
  EXPECT_TRUE(network("0.0.0.0/0").contains({"203.0.113.9", 1}));
  EXPECT_FALSE(network("0.0.0.0/0").contains({"::1", 1}));
  EXPECT_TRUE(network("::/0").contains({"ffff::", 1}));
}

// What a socket of both families tells of IPv4 clients.
TEST(Network, MappedAddressesAreIPv4) {
  EXPECT_TRUE(network("127.0.0.0/8").contains({"::ffff:127.0.0.1", 0}));
  EXPECT_FALSE(network("::/0").contains({"::ffff:127.0.0.1", 0}));
  EXPECT_EQ(concat(network("::ffff:127.0.0.0/104")), "127.0.0.0/8");
  EXPECT_EQ(concat(network("::ffff:127.0.0.1")), "127.0.0.1/32");
}

TEST(Network, IsMadeOfAnAddressWhateverItsOtherBits) {
  const Network home(Address("2001:db8::1:2:3:4", 2626), 64);
  EXPECT_EQ(concat(home), "2001:db8::/64");
  EXPECT_EQ(home, network("2001:db8::/64"));
  EXPECT_FALSE(home == network("2001:db8::/63"));
  EXPECT_EQ(home.bits(), 64);
  EXPECT_EQ(home.address(), Address("2001:db8::", 0));
  EXPECT_THROW(Network(Address("10.0.0.1", 0), 33), AddressError);
  EXPECT_THROW(Network(Address("10.0.0.1", 0), -1), AddressError);
  EXPECT_THROW(Network(Address("::ffff:10.0.0.1", 0), 95), AddressError);
  EXPECT_THROW(Network(Address("::1", 0), 129), AddressError);
  EXPECT_THROW(Network(Address::local("/x"), 8), AddressError);
  EXPECT_THROW(Network(Address(), 0), AddressError);
}

TEST(Network, WhatIsNoneIsSaid) {
  EXPECT_EQ(error_of("10.1.0.0/8"),
            "\"10.1.0.0/8\" has bits set behind the first 8; 10.0.0.0/8 is that network");
  for (const std::string_view text :
       {"", "/", "/8", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8x", "10.0.0.0/ 8", "10.0.0.0/33", "10.0.0.0/-1",
        "10.0.0.0/8/8", "::/129", "localhost", "10.0.0.0/99999999999", "10.0.0", "unix:/x"}) {
    EXPECT_NE(error_of(text), "no error") << text;
    EXPECT_NE(error_of(text).find(text), std::string::npos) << error_of(text);
  }
}

}  // namespace
}  // namespace parley
