#include "parley/socket/blocking.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <thread>

#include "parley/socket/create.h"
#include "parley/socket/resolve.h"
#include "parley/socket/select.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

TEST(InsideReactor, ForbidsBlockingUntilTheOutermostEnds) {
  require_blocking_allowed("recv");
  {
    const InsideReactor outer;
    {
      const InsideReactor inner;
    }
    try {
      require_blocking_allowed("recv");
      FAIL() << "it was allowed";
    } catch (const std::logic_error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("recv may block, and this is a reactor's callback"));
    }
    std::thread([] { EXPECT_NO_THROW(require_blocking_allowed("recv")); }).join();
  }
  EXPECT_NO_THROW(require_blocking_allowed("recv"));
}

TEST(InsideReactor, RefusesEveryCallThatMayBlock) {
  Socket server = create_server({"127.0.0.1", 0});
  auto [a, b] = socketpair();
  b.sendall("data is there, but it might not be");
  Socket udp(Family::inet, Type::datagram);
  char memory[4];
  for (const std::optional<Duration> timeout : {std::optional<Duration>(), std::optional<Duration>(1s)}) {
    a.settimeout(timeout);
    server.settimeout(timeout);
    udp.settimeout(timeout);
    const InsideReactor inside;
    EXPECT_THROW(a.recv(1), std::logic_error);
    EXPECT_THROW(a.recv_into(memory), std::logic_error);
    EXPECT_THROW(a.recvfrom(1), std::logic_error);
    EXPECT_THROW(a.send("x"), std::logic_error);
    EXPECT_THROW(a.sendall("x"), std::logic_error);
    EXPECT_THROW(server.accept(), std::logic_error);
    EXPECT_THROW(udp.sendto("x", server.getsockname()), std::logic_error);
    EXPECT_THROW(udp.connect(server.getsockname()), std::logic_error);
    EXPECT_THROW(udp.connect_ex(server.getsockname()), std::logic_error);
    EXPECT_THROW(create_connection(server.getsockname(), timeout), std::logic_error);
    EXPECT_THROW(select({b}, {}, {}, timeout), std::logic_error);
  }
  const InsideReactor inside;
  EXPECT_THROW(resolve({"localhost", 80}), std::logic_error);
}

TEST(InsideReactor, AllowsWhatNeverWaits) {
  auto [a, b] = socketpair();
  Socket server = create_server({"127.0.0.1", 0});
  a.setblocking(false);
  server.setblocking(false);
  const InsideReactor inside;
  a.sendall("x");
  EXPECT_THROW(a.recv(1), WouldBlock);
  EXPECT_THROW(server.accept(), WouldBlock);
  EXPECT_EQ(select({b}, {}, {}, 0s).read.size(), 1U);
  EXPECT_EQ(resolve({"127.0.0.1", 80}).size(), 1U);
}

}  // namespace
}  // namespace parley
