#include "parley/socket/interfaces.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

#include "parley/socket/error.h"

namespace parley {
namespace {

TEST(Interfaces, LoIsThereUnderItsNameAndItsIndex) {
  const auto all = if_nameindex();
  const std::uint32_t index = if_nametoindex("lo");
  EXPECT_NE(std::find(all.begin(), all.end(), Interface{index, "lo"}), all.end());
  EXPECT_EQ(if_indextoname(index), "lo");
}

TEST(Interfaces, EachOneIsFoundBothWays) {
  for (const auto& [index, name] : if_nameindex()) {
    EXPECT_EQ(if_nametoindex(name), index);
    EXPECT_EQ(if_indextoname(index), name);
  }
}

TEST(Interfaces, SayWhatIsNotThere) {
  try {
    if_nametoindex("nowhere0");
    FAIL() << "it was found";
  } catch (const SocketError& error) {
    EXPECT_STREQ(error.what(), "if_nametoindex nowhere0: No such device");
  }
  EXPECT_THROW(if_nametoindex(""), SocketError);
  EXPECT_THROW(if_nametoindex(std::string_view("lo\0x", 4)), SocketError);
  EXPECT_THROW(if_nametoindex("a name that is longer than an interface's may be"), SocketError);
  try {
    if_indextoname(4'000'000'000);
    FAIL() << "it was found";
  } catch (const SocketError& error) {
    EXPECT_STREQ(error.what(), "if_indextoname 4000000000: No such device");
  }
}

}  // namespace
}  // namespace parley
