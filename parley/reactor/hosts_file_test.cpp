#include "parley/reactor/hosts_file.h"

#include <gtest/gtest.h>
#include <sstream>

namespace parley {
namespace {

std::vector<Address> found(const std::string& text, std::string_view name) {
  std::istringstream file(text);
  return addresses_in_hosts(file, name);
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

TEST(HostsFile, LocalhostIsThisMachineWithoutAFileToo) {
  const std::vector<Address> both{{"::1", 0}, {"127.0.0.1", 0}};
  EXPECT_EQ(addresses_in_hosts("/nonexistent", "localhost"), both);
  EXPECT_EQ(addresses_in_hosts("/nonexistent", "a.LocalHost."), both);
  EXPECT_TRUE(addresses_in_hosts("/nonexistent", "notlocalhost").empty());
  EXPECT_TRUE(addresses_in_hosts("/nonexistent", "tower").empty());
}

}  // namespace
}  // namespace parley
