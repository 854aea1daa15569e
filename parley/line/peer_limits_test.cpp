#include "parley/line/peer_limits.h"

#include <chrono>
#include <gtest/gtest.h>

namespace parley {
namespace {

using namespace std::chrono_literals;
using Verdict = PeerLimits::Verdict;

constexpr Time start{};

Address peer(int number, int port = 1000) {
  return {concat("192.0.2.", number), port};
}

TEST(PeerLimits, SoManyAtOnceWhateverThePort) {
  PeerLimits limits({.connections = 2});
  for (int port = 1; port <= 2; ++port) {
    EXPECT_EQ(limits.judge(peer(1, port), start), Verdict::welcome);
    limits.enter(peer(1, port), start);
  }
  EXPECT_EQ(limits.judge(peer(1, 3), start), Verdict::too_many);
  EXPECT_EQ(limits.judge(peer(2, 3), start), Verdict::welcome);
  EXPECT_EQ(limits.connections(peer(1, 9)), 2U);
  limits.leave(peer(1, 2));
  EXPECT_EQ(limits.judge(peer(1, 3), start), Verdict::welcome);
  limits.leave(peer(1, 1));
  EXPECT_EQ(limits.peers(), 0U);
}

TEST(PeerLimits, SoManyNewOnesInAPeriodAlsoIfTheyHaveGone) {
  PeerLimits limits({.new_connections = 3, .period = 10s});
  const auto come_and_go = [&](Duration when) {
    limits.enter(peer(1), start + when);
    limits.leave(peer(1));
  };
  come_and_go(0s);
  come_and_go(4s);
  EXPECT_EQ(limits.judge(peer(1), start + 8s), Verdict::welcome);
  come_and_go(8s);
  EXPECT_EQ(limits.judge(peer(1), start + 8s), Verdict::too_often);
  EXPECT_EQ(limits.judge(peer(2), start + 8s), Verdict::welcome);
  EXPECT_EQ(limits.judge(peer(1), start + 10s - 1ns), Verdict::too_often);
  EXPECT_EQ(limits.judge(peer(1), start + 10s), Verdict::welcome);
  for (int i = 0; i < 3; ++i) come_and_go(12s);
  EXPECT_EQ(limits.judge(peer(1), start + 22s - 1ns), Verdict::too_often) << "a period begins with its first";
  EXPECT_EQ(limits.judge(peer(1), start + 22s), Verdict::welcome);
}

TEST(PeerLimits, AnIPv6PeerIsItsFirst64Bits) {
  PeerLimits limits({.connections = 1});
  limits.enter({"2001:db8:0:1::1", 1}, start);
  EXPECT_EQ(limits.judge({"2001:db8:0:1:ffff:ffff:ffff:ffff", 2}, start), Verdict::too_many);
  EXPECT_EQ(limits.judge({"2001:db8:0:2::1", 2}, start), Verdict::welcome);
  limits.leave({"2001:db8:0:1::1", 1});
  EXPECT_EQ(limits.peers(), 0U);
}

TEST(PeerLimits, AMappedPeerIsTheIPv4One) {
  PeerLimits limits({.connections = 1});
  limits.enter({"::ffff:192.0.2.1", 1}, start);
  EXPECT_EQ(limits.judge(peer(1), start), Verdict::too_many);
  EXPECT_EQ(limits.judge({"::ffff:192.0.2.2", 1}, start), Verdict::welcome);
}

TEST(PeerLimits, LocalPeersAreOne) {
  PeerLimits limits({.connections = 1});
  limits.enter(Address::local_peer(1), start);
  EXPECT_EQ(limits.judge(Address::local_peer(2), start), Verdict::too_many);
}

TEST(PeerLimits, WhoIsExemptIsNotCounted) {
  PeerLimits limits({.connections = 1,
                     .new_connections = 1,
                     .exempt = {Network(Address("127.0.0.0", 0), 8), Network(Address("::1", 0), 128)}});
  for (int i = 0; i < 5; ++i) {
    limits.enter({"127.0.0.1", i}, start);
    limits.enter({"::1", i}, start);
    limits.enter({"::ffff:127.1.2.3", i}, start);
  }
  EXPECT_EQ(limits.judge({"127.9.9.9", 1}, start), Verdict::welcome);
  EXPECT_EQ(limits.judge({"::1", 1}, start), Verdict::welcome);
  EXPECT_EQ(limits.peers(), 0U);
  limits.leave({"127.0.0.1", 0});
  limits.enter({"::2", 1}, start);
  EXPECT_EQ(limits.judge({"::2", 1}, start), Verdict::too_many) << "a neighbour is not exempt";
}

TEST(PeerLimits, WithoutALimitNothingIsKept) {
  PeerLimits limits({});
  for (int i = 0; i < 100; ++i) limits.enter(peer(1), start);
  EXPECT_EQ(limits.judge(peer(1), start), Verdict::welcome);
  EXPECT_EQ(limits.peers(), 0U);
  limits.leave(peer(1));
}

TEST(PeerLimits, WhatIsRememberedIsForgottenAfterThePeriod) {
  PeerLimits limits({.new_connections = 1, .period = 10s});
  for (int i = 0; i < 100; ++i) {
    limits.enter(peer(i), start + std::chrono::milliseconds(i));
    if (i != 50) limits.leave(peer(i));
  }
  EXPECT_EQ(limits.peers(), 100U);
  limits.enter(peer(200), start + 11s);
  EXPECT_EQ(limits.peers(), 2U) << "that one, and who is still connected";
  EXPECT_EQ(limits.connections(peer(50)), 1U);
  limits.leave(peer(50));
  EXPECT_EQ(limits.peers(), 1U);
}

TEST(PeerLimits, OnlySoManyAreRemembered) {
  PeerLimits limits({.connections = 5, .new_connections = 1, .period = 10s, .remembered = 10});
  limits.enter(peer(0), start);  // stays
  for (int i = 1; i < 200; ++i) {
    limits.enter(peer(i), start);
    limits.leave(peer(i));
    ASSERT_LE(limits.peers(), 11U);
  }
  EXPECT_EQ(limits.connections(peer(0)), 1U) << "who is connected is counted in any case";
  EXPECT_EQ(limits.judge(peer(199), start), Verdict::too_often);
  EXPECT_EQ(limits.judge(peer(190), start), Verdict::too_often);
  EXPECT_EQ(limits.judge(peer(189), start), Verdict::welcome) << "begins anew";
  // Whose period was forgotten begins another, which is forgotten in its turn.
  limits.enter(peer(0), start + 1s);
  limits.leave(peer(0));
  limits.leave(peer(0));
  limits.enter(peer(201), start + 20s);
  EXPECT_EQ(limits.peers(), 1U);
}

}  // namespace
}  // namespace parley
