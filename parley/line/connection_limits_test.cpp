#include "parley/line/connection_limits.h"

#include <chrono>

#include "parley/line/policies_fixture.h"
#include "parley/line/timeouts.h"

namespace parley {
namespace {

using Limits = PolicyTest;

TEST_F(Limits, SoManyInAllAndNoMore) {
  const auto policy = std::make_shared<LimitTotalConnectionsFactory>(inner(), 2);
  listen(policy);
  MemoryPeer first = connect();
  MemoryPeer second = connect();
  MemoryPeer third = connect();
  EXPECT_EQ(policy->connections(), 2U);
  EXPECT_EQ(events, (std::vector<std::string>{"made", "made"}));
  EXPECT_TRUE(third.ended() || third.was_reset());
  EXPECT_FALSE(first.ended());
  first.close();
  turns();
  EXPECT_EQ(policy->connections(), 1U);
  MemoryPeer fourth = connect();
  EXPECT_EQ(policy->connections(), 2U);
  EXPECT_FALSE(fourth.ended());
}

TEST_F(Limits, SeveralPortsAndSeveralFactoriesOfOneCountTogether) {
  const auto policy = std::make_shared<LimitTotalConnectionsFactory>(inner(), 2);
  listen(policy);
  MemoryPeer first = connect();
  listen(policy);
  MemoryPeer second = connect();
  MemoryPeer third = connect();
  EXPECT_EQ(policy->connections(), 2U);
  EXPECT_EQ(applications.size(), 2U);
}

TEST_F(Limits, WhomTheInnerOneRefusesDoesNotCount) {
  const auto policy = std::make_shared<LimitTotalConnectionsFactory>(
      factory([]() -> std::unique_ptr<Protocol> { return nullptr; }), 2);
  const auto by_peer = std::make_shared<LimitConnectionsByPeer>(
      factory([]() -> std::unique_ptr<Protocol> { return nullptr; }), 2);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(policy->build_protocol({"192.0.2.1", 1000 + i}), nullptr);
    EXPECT_EQ(by_peer->build_protocol({"192.0.2.1", 1000 + i}), nullptr);
  }
  EXPECT_EQ(policy->connections(), 0U);
  EXPECT_EQ(by_peer->connections({"192.0.2.1", 1}), 0U);
}

TEST_F(Limits, ByPeerWhateverThePort) {
  LimitConnectionsByPeer policy(inner(), 2);
  auto first = policy.build_protocol({"192.0.2.1", 1000});
  auto second = policy.build_protocol({"192.0.2.1", 1001});
  EXPECT_EQ(policy.build_protocol({"192.0.2.1", 1002}), nullptr);
  auto other = policy.build_protocol({"192.0.2.2", 1000});
  auto six = policy.build_protocol({"2001:db8::1", 1000});
  EXPECT_TRUE(first != nullptr && second != nullptr && other != nullptr && six != nullptr);
  EXPECT_EQ(policy.connections({"192.0.2.1", 9}), 2U);
  second.reset();
  EXPECT_EQ(policy.connections({"192.0.2.1", 9}), 1U);
  EXPECT_NE(policy.build_protocol({"192.0.2.1", 1003}), nullptr);
}

TEST_F(Limits, AnIPv6PeerIsItsNetwork) {
  LimitConnectionsByPeer policy(inner(), 2);
  const auto first = policy.build_protocol({"2001:db8::1", 1000});
  const auto second = policy.build_protocol({"2001:db8::2:1", 1001});
  EXPECT_EQ(policy.build_protocol({"2001:db8::3:1", 1002}), nullptr);
  EXPECT_NE(policy.build_protocol({"2001:db8:0:1::1", 1002}), nullptr);
  EXPECT_EQ(policy.connections({"2001:db8::9", 9}), 2U);
}

TEST_F(Limits, NewOnesOfAPeerInAPeriod) {
  LimitConnectionsByPeer policy(
      inner(),
      {.new_connections = 2, .period = std::chrono::seconds(10), .exempt = {Network({"127.0.0.1", 0}, 32)}},
      clock);
  EXPECT_NE(policy.build_protocol({"192.0.2.1", 1000}), nullptr);
  EXPECT_NE(policy.build_protocol({"192.0.2.1", 1001}), nullptr);
  EXPECT_EQ(policy.build_protocol({"192.0.2.1", 1002}), nullptr);
  EXPECT_EQ(policy.connections({"192.0.2.1", 1}), 0U);
  clock.advance(std::chrono::seconds(10));
  EXPECT_NE(policy.build_protocol({"192.0.2.1", 1003}), nullptr);
  for (int i = 0; i < 5; ++i) EXPECT_NE(policy.build_protocol({"127.0.0.1", i}), nullptr);
}

TEST_F(Limits, NoneAtAll) {
  LimitConnectionsByPeer policy(inner(), 0);
  EXPECT_EQ(policy.build_protocol({"192.0.2.1", 1000}), nullptr);
}

// Whoever a factory refuses is told why: not more than 32 in a second, for they stay open for that.
TEST_F(Limits, WhoIsRefusedIsToldWhy) {
  struct Refusing final : Factory {
    std::unique_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
    std::string_view refusal() const override { return "No, thank you\r\n"; }
  };
  listen(std::make_shared<LimitTotalConnectionsFactory>(std::make_shared<Refusing>(), 100));
  const auto told = [&] {
    MemoryPeer peer = connect();
    EXPECT_TRUE(peer.ended() || peer.was_reset());
    const std::string words(peer.take());
    EXPECT_TRUE(words.empty() || words == "No, thank you\r\n") << words;
    return !words.empty();
  };
  for (int i = 0; i < 32; ++i) EXPECT_TRUE(told());
  for (int i = 0; i < 32; ++i) EXPECT_FALSE(told());
  pass(std::chrono::seconds(1));
  EXPECT_TRUE(told());

  port = reactor
             .listen_tcp({"127.0.0.1", 0}, std::make_shared<Refusing>(),
                         {.wrap = idle_timeout(reactor, std::chrono::hours(1))})
             .host()
             .port();
  EXPECT_FALSE(told()) << "the words would pass the filter by";
}

TEST_F(Limits, LocalPeersAreOne) {
  LimitConnectionsByPeer policy(inner(), 2);
  const auto first = policy.build_protocol(Address::local_peer(1));
  const auto second = policy.build_protocol(Address::local_peer(2));
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(policy.build_protocol(Address::local_peer(3)), nullptr);
}

TEST_F(Limits, ConnectionsMayOutliveTheFactory) {
  auto policy =
      std::make_unique<LimitConnectionsByPeer>(std::make_shared<LimitTotalConnectionsFactory>(inner(), 2), 2);
  const auto made = policy->build_protocol({"192.0.2.1", 1000});
  policy.reset();
  EXPECT_NE(made, nullptr);
}

TEST_F(Limits, TheInnerFactoryStartsAndStopsOnce) {
  struct Hooks final : Factory {
    std::unique_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
    void start_factory() override { calls += "start "; }
    void stop_factory() override { calls += "stop "; }
    std::string calls;
  };
  const auto hooks = std::make_shared<Hooks>();
  LimitTotalConnectionsFactory policy(hooks, 1);
  policy.start();
  policy.start();
  policy.stop();
  EXPECT_EQ(hooks->calls, "start ");
  policy.stop();
  EXPECT_EQ(hooks->calls, "start stop ");
}

}  // namespace
}  // namespace parley
