#include "parley/socket/resolve.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

#include "parley/socket/error.h"

namespace parley {
namespace {

TEST(Resolve, TakesNumericHostsAsTheyAre) {
  EXPECT_EQ(resolve({"127.0.0.1", 80}), std::vector{Address("127.0.0.1", 80)});
  EXPECT_EQ(resolve({"fe80::1%1", 80}), std::vector{Address("fe80::1%1", 80)});
  EXPECT_EQ(resolve({"::1", 80}, Type::stream, Family::inet), std::vector{Address("::1", 80)});
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

}  // namespace
}  // namespace parley
