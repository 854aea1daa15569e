#include "parley/reactor/connect/hosts_file.h"

#include <gtest/gtest.h>
#include <string>

namespace parley {
namespace {

std::vector<Address> found(std::string_view text, std::string_view name) {
  return HostsFile(text).addresses_of(name);
}

TEST(HostsFile, NamesAndAliasesOfBothFamiliesInOrder) {
  const std::string text =
      "# the machines\n"
      "127.0.0.1\tlocalhost\n"
      "10.0.0.7   tower Tower.example.org  # upstairs: attic\n"
      "\n"
      "  2001:db8::7 tower\n"
      "10.0.0.7 tower\n"
      "10.0.0.8 towers";
  EXPECT_EQ(found(text, "tower"), (std::vector<Address>{{"10.0.0.7", 0}, {"2001:db8::7", 0}}));
  EXPECT_EQ(found(text, "TOWER.example.org."), (std::vector<Address>{{"10.0.0.7", 0}}));
  EXPECT_EQ(found(text, "towers"), (std::vector<Address>{{"10.0.0.8", 0}}));
  for (const char* other : {"attic", "upstairs:", "example.org", "10.0.0.7", "tow", ""})
    EXPECT_TRUE(found(text, other).empty()) << other;
}

TEST(HostsFile, WhatIsNoLineIsPassedOver) {
  EXPECT_EQ(found("nonsense tower\n300.1.1.1 tower\n\xff\n#\n10.0.0.9 tower\r\n", "tower"),
            (std::vector<Address>{{"10.0.0.9", 0}}));
}

TEST(HostsFile, LocalhostIsThisMachineUnlessTheFileSaysOtherwise) {
  const std::vector<Address> both{{"::1", 0}, {"127.0.0.1", 0}};
  EXPECT_EQ(found("", "localhost"), both);
  EXPECT_EQ(found("", "a.LocalHost."), both);
  EXPECT_TRUE(found("", "notlocalhost").empty());
  EXPECT_TRUE(found("", "tower").empty());
  EXPECT_EQ(found("127.0.0.9 localhost\n", "Localhost"), (std::vector<Address>{{"127.0.0.9", 0}}));
}

TEST(HostsFile, MayBeMoved) {
  HostsFile first("10.0.0.7 a\n");  // short enough to stand in a string itself
  const HostsFile second(std::move(first));
  EXPECT_EQ(second.addresses_of("a"), (std::vector<Address>{{"10.0.0.7", 0}}));
}

TEST(HostsFile, ALargeOneIsSearchedAndNotRead) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "0.0.0.0 host" + std::to_string(i) + ".example\n";
  const HostsFile file(text);
  for (int i = 0; i < 100'000; ++i)
    ASSERT_EQ(file.addresses_of("HOST" + std::to_string(i) + ".example").size(), 1U) << i;
}

}  // namespace
}  // namespace parley
