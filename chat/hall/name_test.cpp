#include "chat/hall/name.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace chat {
namespace {

TEST(NameTest, EveryIpv4ClientsNameStandsInPlace) {
  const Name name("255.255.255.255:65535");
  EXPECT_TRUE(name.in_place());
  EXPECT_EQ(name.view(), "255.255.255.255:65535");
}

TEST(NameTest, AnyLengthIsKept) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string text(size, 'x');
    const Name name(text);
    EXPECT_EQ(name.view(), text);
    EXPECT_EQ(name.in_place(), size <= 23);
  }
}

TEST(NameTest, IsCopiedMovedAndReplaced) {
  const std::string longer = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:65535";
  Name one(longer);
  Name two(one);
  Name three(std::move(one));
  EXPECT_EQ(two.view(), longer);
  EXPECT_EQ(three.view(), longer);
  two = Name("short");
  three = two;
  two = Name(longer);
  EXPECT_EQ(three.view(), "short");
  EXPECT_EQ(two.view(), longer);
  Name& self = two;
  two = self;
  EXPECT_EQ(two.view(), longer);
}

}  // namespace
}  // namespace chat
