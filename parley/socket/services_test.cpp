#include "parley/socket/services.h"

#include <gtest/gtest.h>
#include <netdb.h>
#include <stdexcept>
#include <string>

#include "parley/socket/address.h"
#include "parley/socket/blocking.h"
#include "parley/socket/error.h"

namespace parley {
namespace {

TEST(Services, HavePortsAndNames) {
  EXPECT_EQ(getservbyname("http"), 80);
  EXPECT_EQ(getservbyname("http", "tcp"), 80);
  EXPECT_EQ(getservbyport(80), "http");
  EXPECT_EQ(getservbyport(512, "tcp"), "exec");
  EXPECT_EQ(getservbyport(512, "udp"), "biff");
}

TEST(Services, ProtocolsHaveNumbers) {
  EXPECT_EQ(getprotobyname("icmp"), 1);
  EXPECT_EQ(getprotobyname("tcp"), 6);
  EXPECT_EQ(getprotobyname("udp"), 17);
}

TEST(Services, SayWhatIsNotThere) {
  try {
    getservbyname("no-such-service", "tcp");
    FAIL() << "it was found";
  } catch (const ResolveError& error) {
    EXPECT_EQ(error.code(), std::error_code(EAI_SERVICE, resolve_category()));
    EXPECT_EQ(std::string(error.what()), std::string("getservbyname no-such-service/tcp: ") +
                                             gai_strerror(EAI_SERVICE) + " (it is not in /etc/services)");
  }
  EXPECT_THROW(getservbyname("exec", "udp"), ResolveError);
  EXPECT_THROW(getservbyname(std::string_view("http\0x", 6)), ResolveError);
  EXPECT_THROW(getservbyport(65535), ResolveError);
  EXPECT_THROW(getservbyport(65536), AddressError);
  EXPECT_THROW(getservbyport(-1), AddressError);
  EXPECT_THROW(getprotobyname("no-such-protocol"), ResolveError);
}

TEST(Services, AreNotLookedUpInsideAReactor) {
  const InsideReactor inside;
  EXPECT_THROW(getservbyname("http"), std::logic_error);
  EXPECT_THROW(getservbyport(80), std::logic_error);
  EXPECT_THROW(getprotobyname("tcp"), std::logic_error);
}

}  // namespace
}  // namespace parley
