#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "chat/server_fixture.h"

namespace chat {
namespace {

using testing::HasSubstr;

// Limits of what clients may do. Nobody is exempt.
class ServerLimitsTest : public ServerTest {
 protected:
  ServerLimitsTest() { config.exempt.clear(); }

  static std::string some(int count) {
    std::string sent;
    for (int i = 0; i < count; ++i) sent += parley::concat(i, "\n");
    return sent;
  }
  std::string said(const parley::MemoryPeer& peer, int from, int to) {
    std::string all;
    for (int i = from; i < to; ++i) all += says(peer, parley::concat(i));
    return all;
  }
  void pass(parley::Duration time) {
    clock.advance(time);
    turns();
  }

  Config config;
};

TEST_F(ServerLimitsTest, WhoFloodsWaitsAndLosesNothing) {
  start(config);
  parley::MemoryPeer flooder = join();
  parley::MemoryPeer bob = join();
  flooder.take();
  bob.take();
  flooder.send(some(200));
  turns();
  EXPECT_EQ(bob.take(), said(flooder, 0, 60));
  pass(49ms);
  EXPECT_EQ(bob.take(), "");
  pass(1ms);
  EXPECT_EQ(bob.take(), said(flooder, 60, 61));
  for (int i = 0; i < 20; ++i) pass(50ms);
  EXPECT_EQ(bob.take(), said(flooder, 61, 81));
  // Nobody else notices.
  for (int i = 0; i < 60; ++i) {
    bob.send("hello\n");
    turns(2);
    EXPECT_EQ(flooder.take(), says(bob, "hello"));
  }
  for (int i = 0; i < 200; ++i) pass(50ms);
  EXPECT_EQ(bob.take(), said(flooder, 81, 200));
}

TEST_F(ServerLimitsTest, LinesThatAreTooLongCountToo) {
  config.line_bytes = 10;
  start(config);
  parley::MemoryPeer flooder = join();
  flooder.take();
  std::string sent;
  for (int i = 0; i < 100; ++i) sent += std::string(20, 'x') + "\n";
  flooder.send(sent);
  turns();
  const std::string refusal = "Line too long: 10 bytes at most\r\n";
  EXPECT_EQ(flooder.take().size(), 60 * refusal.size());
  pass(1s);
  EXPECT_EQ(flooder.take().size(), 20 * refusal.size());
}

TEST_F(ServerLimitsTest, WhoIsExemptMayFlood) {
  start();
  parley::MemoryPeer flooder = join();
  parley::MemoryPeer bob = join();
  bob.take();
  flooder.send(some(1000));
  turns();
  EXPECT_EQ(bob.take(), said(flooder, 0, 1000));
}

TEST_F(ServerLimitsTest, ZeroIsNoLimit) {
  config.message_rate = 0;
  config.connections_per_ip = 0;
  config.connect_rate = 0;
  start(config);
  parley::MemoryPeer flooder = join();
  std::vector<parley::MemoryPeer> others;
  for (int i = 0; i < 100; ++i) others.push_back(join());
  others[0].take();
  flooder.send(some(1000));
  turns();
  EXPECT_EQ(others[0].take(), said(flooder, 0, 1000));
}

constexpr std::string_view refused = "Too many connections from your address, try again later\r\n";

TEST_F(ServerLimitsTest, ConnectionsPerAddressOverAllListeners) {
  config.connections_per_ip = 3;
  config.listeners.resize(2);
  config.listeners[1].endpoint = {parley::ServerEndpoint::Tcp{.address = {"127.0.0.1", 1000}}};
  start(config);
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = network.connect(1000);
  turns();
  parley::MemoryPeer cat = join();
  ann.take();
  EXPECT_EQ(bob.take(), greeting + joined(cat));
  parley::MemoryPeer dan = join();
  EXPECT_EQ(dan.take(), refused);
  EXPECT_TRUE(dan.ended());
  EXPECT_EQ(ann.take(), "") << "nobody else notices";
  EXPECT_EQ(bob.take(), "");
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_THAT(log.lines[0], HasSubstr("refused 127.0.0.1"));
  EXPECT_THAT(log.lines[0], HasSubstr("it has 3 connections"));
  for (int i = 0; i < 50; ++i) join();
  EXPECT_EQ(log.lines.size(), 1U) << "said at most every 10 s";
  cat.close();
  turns();
  EXPECT_EQ(join().take(), greeting);
}

TEST_F(ServerLimitsTest, ConnectionsInAll) {
  config.connections = 2;
  start(config);
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  EXPECT_EQ(ann.take(), greeting + joined(bob));
  EXPECT_EQ(join().take(), "Server is full, try again later\r\n");
  EXPECT_EQ(ann.take(), "");
  bob.close();
  turns();
  EXPECT_EQ(join().take(), greeting);
}

TEST_F(ServerLimitsTest, NewConnectionsPerAddressInTenSeconds) {
  config.connect_rate = 2;
  start(config);
  for (int i = 0; i < 2; ++i) {
    parley::MemoryPeer peer = join();
    EXPECT_EQ(peer.take(), greeting);
    peer.close();
    turns();
  }
  EXPECT_EQ(join().take(), refused);
  pass(9s);
  EXPECT_EQ(join().take(), refused);
  pass(1s);
  EXPECT_EQ(join().take(), greeting);
  ASSERT_FALSE(log.lines.empty());
  EXPECT_THAT(log.lines[0], HasSubstr("new connections come too often"));
}

TEST_F(ServerLimitsTest, WhoSaysNothingForTooLongIsToldAndGoes) {
  config.idle_timeout = 80s;
  start(config);
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  ann.take();
  bob.take();
  for (int i = 0; i < 70; ++i) pass(1s);
  bob.send("x\n");
  turns();
  for (int i = 0; i < 10; ++i) pass(1s);
  EXPECT_EQ(ann.take(), says(bob, "x"));
  EXPECT_FALSE(ann.ended()) << "80 s, and up to an eighth";
  pass(10s);
  EXPECT_EQ(ann.take(), "You have said nothing for too long\r\n");
  EXPECT_TRUE(ann.ended());
  EXPECT_EQ(bob.take(), left(ann));
  for (int i = 0; i < 6; ++i) pass(10s);
  EXPECT_FALSE(bob.ended());
  for (int i = 0; i < 2; ++i) pass(10s);
  EXPECT_TRUE(bob.ended());
}

TEST_F(ServerLimitsTest, ByDefaultOneMayBeSilentForEver) {
  start(config);
  parley::MemoryPeer ann = join();
  for (int i = 0; i < 100; ++i) pass(1h);
  EXPECT_FALSE(ann.ended());
}

}  // namespace
}  // namespace chat
