#include "parley/socket/hosts.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <netdb.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "parley/socket/blocking.h"
#include "parley/socket/error.h"

namespace parley {
namespace {

const std::string too_long(300, 'x');  // for a name: no server is asked

TEST(Hosts, ThisMachineHasAName) {
  char name[256];
  ASSERT_EQ(::gethostname(name, sizeof name), 0);
  EXPECT_EQ(gethostname(), name);
}

TEST(Hosts, NamesBecomeIPv4) {
  EXPECT_EQ(gethostbyname("localhost"), "127.0.0.1");
  EXPECT_EQ(gethostbyname("192.0.2.7"), "192.0.2.7");
}

TEST(Hosts, AllThatIsKnownOfAName) {
  const HostEntry entry = gethostbyname_ex("localhost");
  EXPECT_EQ(entry.name, "localhost");
  EXPECT_EQ(entry.addresses, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(gethostbyname_ex("192.0.2.7"), (HostEntry{"192.0.2.7", {}, {"192.0.2.7"}}));
}

TEST(Hosts, AllThatIsKnownOfAnAddress) {
  const HostEntry entry = gethostbyaddr("127.0.0.1");
  EXPECT_EQ(entry.name, "localhost");
  EXPECT_EQ(entry.addresses, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(gethostbyaddr("localhost").name, entry.name);
}

TEST(Hosts, AFullNameHasADotOrIsWhatWasAsked) {
  EXPECT_EQ(getfqdn(too_long), too_long);
  const std::string own = getfqdn();
  EXPECT_FALSE(own.empty());
  EXPECT_EQ(getfqdn("0.0.0.0"), own);
  EXPECT_EQ(getfqdn("::"), own);
}

TEST(Hosts, SayWhatTheyCouldNotFind) {
  try {
    gethostbyname(too_long);
    FAIL() << "it was found";
  } catch (const ResolveError& error) {
    EXPECT_EQ(error.code().category(), resolve_category());
    EXPECT_TRUE(std::string(error.what()).starts_with("gethostbyname xxx")) << error.what();
  }
  EXPECT_THROW(gethostbyname(std::string_view("localhost\0x", 11)), ResolveError);
  EXPECT_THROW(gethostbyname_ex("::1"), ResolveError);
  EXPECT_THROW(gethostbyaddr(""), ResolveError);
  try {
    gethostbyaddr(too_long);
    FAIL() << "it was found";
  } catch (const ResolveError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("gethostbyaddr xxx")) << error.what();
  }
  try {
    gethostbyname_ex(too_long);
    FAIL() << "it was found";
  } catch (const ResolveError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("gethostbyname_ex xxx")) << error.what();
  }
}

TEST(Hosts, AreNotLookedUpInsideAReactor) {
  const InsideReactor inside;
  EXPECT_THROW(gethostbyname("localhost"), std::logic_error);
  EXPECT_THROW(gethostbyname_ex("localhost"), std::logic_error);
  EXPECT_THROW(gethostbyaddr("127.0.0.1"), std::logic_error);
  EXPECT_THROW(getfqdn("localhost"), std::logic_error);
  EXPECT_EQ(gethostbyname("127.0.0.1"), "127.0.0.1");
  EXPECT_NO_THROW(gethostname());
}

}  // namespace
}  // namespace parley
