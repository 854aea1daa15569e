#include "parley/reactor/datagram.h"

#include "parley/reactor/datagram/datagram_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using namespace testing_datagrams;

PARLEY_DATAGRAMS(Datagrams);

TEST_P(Datagrams, StartsOnceEchoesAndStopsOnce) {
  Story& server = echo(story());
  DatagramPort port = listen(server);
  EXPECT_TRUE(server.told.empty()) << "listening called back";
  EXPECT_NE(port.host().port(), 0);
  Socket client = peer();
  for (const std::string text : {"one", "", "three"}) client.sendto(text, port.host());
  ASSERT_TRUE(until([&] { return server.told.size() == 4; }));
  EXPECT_EQ(server.told, (Told{"start", "one", "", "three"}));
  EXPECT_EQ(server.peers[0], client.getsockname());
  for (const std::string text : {"one", "", "three"}) {
    EXPECT_EQ(client.recvfrom(100), std::pair(text, port.host()));
  }
  port.stop_listening();
  port.stop_listening();
  EXPECT_EQ(server.count("stop"), 0U);
  turns(1);
  EXPECT_EQ(server.count("stop"), 1U);
  EXPECT_TRUE(server.gone);
  EXPECT_EQ(port.transport(), nullptr);
  EXPECT_EQ(port.host(), Address());
}

TEST_P(Datagrams, OverIPv6AndBothFamiliesAtOnce) {
  Story& server = echo(story());
  DatagramPort port = [&] {
    try {
      return listen(server, {"::1", 0});
    } catch (const SocketError& error) {
      return DatagramPort();
    }
  }();
  if (port.transport() == nullptr) GTEST_SKIP() << "this machine has no ::1";
  Socket client = peer({"::1", 0}, Family::inet6);
  client.sendto("six", port.host());
  ASSERT_TRUE(until([&] { return server.count("six") == 1; }));
  turns(1);
  EXPECT_EQ(client.recvfrom(100), std::pair(std::string("six"), port.host()));

  Story& both = echo(story());
  DatagramPort any = listen(both, {"", 0});
  Socket four = peer();
  four.sendto("four", {"127.0.0.1", any.host().port()});
  client.sendto("six", {"::1", any.host().port()});
  ASSERT_TRUE(until([&] { return both.told.size() == 3; }));
  EXPECT_EQ(four.recv(100), "four");
  EXPECT_EQ(client.recv(100), "six");
  for (const Address& from : both.peers)
    EXPECT_TRUE(from == four.getsockname() || from == client.getsockname());
}

TEST_P(Datagrams, AnAddressThatCannotBeReachedIsSaidAtOnce) {
  Story& server = story();
  DatagramPort port = listen(server);
  EXPECT_THROW(port.transport()->write("x", Address("::1", 9)), AddressError);
  EXPECT_THROW(port.transport()->write("x", Address::local("/tmp/x")), AddressError);
  EXPECT_THROW(reactor_->listen_udp(Address::local("/tmp/x"), player(server)), AddressError);
  EXPECT_THROW(reactor_->listen_unix_datagram(Address("127.0.0.1", 1), player(server)), AddressError);
  EXPECT_THROW(reactor_->connect_udp(Address("", 7), player(server)), AddressError);
  EXPECT_THROW(listen(server, port.host()), SocketError) << "the port is taken";
  EXPECT_THROW(reactor_->listen_udp(Address("127.0.0.1", 0), nullptr), std::invalid_argument);
}

// Bounds.

TEST_P(Datagrams, ABurstIsTakenInByBatchesAndOthersAreServedBetween) {
  Story& busy = story();
  Story& other = story();
  DatagramPort port = listen(busy);
  DatagramPort beside = listen(other);
  turns(1);
  Socket client = peer();
  // What the kernel has no room for is lost: small ones, and a thousand of them at most.
  for (int i = 0; i < 200; ++i) client.sendto(concat(i), port.host());
  client.sendto("me too", beside.host());
  std::size_t before = busy.told.size();
  int turns_before_the_other = 0;
  while (other.count("me too") == 0 && turns_before_the_other < 100) {
    reactor_->turn(0ms);
    EXPECT_LE(busy.told.size() - before, 64U);
    before = busy.told.size();
    ++turns_before_the_other;
  }
  EXPECT_LE(turns_before_the_other, 2);
  ASSERT_TRUE(until([&] { return busy.told.size() == 201; }));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(busy.told[static_cast<std::size_t>(i) + 1], concat(i));
}

TEST_P(Datagrams, AThousandWrittenInOneCallLeaveInOrder) {
  Story& sender = story();
  DatagramPort port = listen(sender);
  turns(1);
  Socket to = peer();
  to.setsockopt(options::receive_buffer, 4 << 20);
  std::size_t waiting = 0;
  // The first go out at once, where a batch is full: memory does not grow with what a turn writes.
  for (int i = 0; i < 1000; ++i) {
    port.transport()->write(concat(i), to.getsockname());
    waiting = std::max(waiting, port.transport()->queued());
  }
  EXPECT_LE(waiting, 64U);
  turns(1);
  EXPECT_EQ(port.transport()->queued(), 0U);
  // Loopback delivers at once, until the receiver's buffer is full (212,992 bytes hold 277 small ones).
  for (int i = 0; i < 200; ++i) ASSERT_EQ(to.recv(100), concat(i));
}

TEST_P(Datagrams, WhatATurnWritesLeavesAtItsEnd) {
  Story& sender = story();
  DatagramPort port = listen(sender);
  turns(1);
  Socket to = peer();
  to.settimeout(0s);
  reactor_->post([&] {
    port.transport()->write("a", to.getsockname());
    port.transport()->write("b", to.getsockname());
    EXPECT_THROW(to.recv(10), WouldBlock);
    EXPECT_EQ(port.transport()->queued(), 2U);
  });
  turns(1);
  EXPECT_EQ(to.recv(10), "a");
  EXPECT_EQ(to.recv(10), "b");
}

TEST_P(Datagrams, AFullPeerHoldsNobodyElseUpAndTheOldestAreDropped) {
  start({.datagram_queue = 50, .datagram_rest = 1ms});
  Story& sender = story();
  DatagramPort port = reactor_->listen_unix_datagram(Address::local(path("sender")), player(sender));
  turns(1);
  Socket slow = peer(Address::local(path("slow")), Family::local);
  Socket quick = peer(Address::local(path("quick")), Family::local);
  slow.settimeout(0s);
  DatagramTransport& transport = *port.transport();
  // Small ones fill the peer's queue (net.unix.max_dgram_qlen), not our own buffer.
  int written = 0;
  while (transport.dropped() < 10 && written < 20000) {
    transport.write(concat(written++), slow.getsockname());
    reactor_->turn(0ms);
  }
  ASSERT_EQ(transport.queued(), 50U);
  ASSERT_EQ(transport.dropped(), 10U);
  transport.write("over here", quick.getsockname());
  turns(1);
  EXPECT_EQ(quick.recv(100), "over here");
  EXPECT_EQ(transport.dropped(), 11U) << "the oldest made room";
  // All but the eleven arrive, in order; the newest is there.
  std::vector<std::string> got;
  ASSERT_TRUE(until([&] {
    try {
      for (;;) got.push_back(slow.recv(100));
    } catch (const WouldBlock&) {
    }
    return transport.queued() == 0 && got.size() == static_cast<std::size_t>(written) - 11;
  }));
  EXPECT_EQ(got.front(), "0");
  EXPECT_EQ(got.back(), concat(written - 1));
  EXPECT_TRUE(
      std::is_sorted(got.begin(), got.end(), [](auto& a, auto& b) { return std::stoi(a) < std::stoi(b); }));
  EXPECT_EQ(sender.told, Told{"start"}) << "a full queue is no error";
}

TEST_P(Datagrams, AFullPeerDoesNotMakeTheLoopSpin) {
  Story& sender = story();
  Limits limits;
  limits.datagram_rest = 50ms;
  start(limits);
  DatagramPort port = reactor_->listen_unix_datagram(Address::abstract(path("spin")), player(sender));
  turns(1);
  Socket slow = peer(Address::local(path("slow")), Family::local);
  for (int i = 0; i < 20000 && port.transport()->queued() == 0; ++i) {
    port.transport()->write("x", slow.getsockname());
    reactor_->turn(0ms);
  }
  ASSERT_EQ(port.transport()->queued(), 1U);
  reactor_->turn(1s);
  const auto begin = std::chrono::steady_clock::now();
  // Of the turns in 50 ms, one ends early for the timer, and one finds it due and does not wait.
  for (int i = 0; i < 8; ++i) reactor_->turn(20ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 90ms);
}

TEST_P(Datagrams, AConnectedUnixPortWaitsForRoom) {
  Story& sender = story();
  Socket slow = peer(Address::local(path("slow")), Family::local);
  DatagramPort port = reactor_->connect_unix_datagram(slow.getsockname(), player(sender));
  turns(1);
  DatagramTransport& transport = *port.transport();
  std::size_t written = 0;
  while (transport.queued() == 0 && written < 20000) {
    transport.write(concat(written++));
    reactor_->turn(0ms);
  }
  ASSERT_EQ(transport.queued(), 1U);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) reactor_->turn(20ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms) << "it spins";
  for (std::size_t i = 0; i + 1 < written; ++i) ASSERT_EQ(slow.recv(100), concat(i));
  ASSERT_TRUE(until([&] { return transport.queued() == 0; }));
  EXPECT_EQ(slow.recv(100), concat(written - 1));
}

// Every callback may pause, stop, write, throw.

TEST_P(Datagrams, PausedInTheMiddleOfABatchNothingComesUntilResumed) {
  Story& server = story();
  server.at_datagram = [](DatagramTransport& transport, std::string_view text, const Address&) {
    if (text == "2" || text == "4") transport.pause_reading();
  };
  DatagramPort port = listen(server);
  turns(1);
  Socket client = peer();
  for (int i = 0; i < 6; ++i) client.sendto(concat(i), port.host());
  turns(3);
  EXPECT_EQ(server.told, (Told{"start", "0", "1", "2"}));
  EXPECT_FALSE(port.transport()->reading());
  client.sendto("6", port.host());
  turns(3);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) reactor_->turn(20ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms) << "it spins while paused";
  EXPECT_EQ(server.told.size(), 4U);
  port.transport()->resume_reading();
  EXPECT_EQ(server.told.size(), 4U) << "resuming called back";
  turns(3);
  EXPECT_EQ(server.told, (Told{"start", "0", "1", "2", "3", "4"}));
  port.transport()->resume_reading();
  ASSERT_TRUE(until([&] { return server.told.size() == 8; }));
  EXPECT_EQ(server.told, (Told{"start", "0", "1", "2", "3", "4", "5", "6"}));
}

TEST_P(Datagrams, ResumedWithinTheCallTheOrderStays) {
  Story& server = story();
  server.at_datagram = [](DatagramTransport& transport, std::string_view, const Address&) {
    transport.pause_reading();
    transport.resume_reading();
  };
  DatagramPort port = listen(server);
  turns(1);
  Socket client = peer();
  Told expected{"start"};
  for (int i = 0; i < 100; ++i) {
    client.sendto(concat(i), port.host());
    expected.push_back(concat(i));
  }
  ASSERT_TRUE(until([&] { return server.told.size() == 101; }));
  EXPECT_EQ(server.told, expected);
}

TEST_P(Datagrams, StoppedInACallTheRestOfTheBatchGoes) {
  Story& server = story();
  server.at_datagram = [&](DatagramTransport& transport, std::string_view, const Address& from) {
    transport.write("last words", from);
    transport.stop_listening();
    EXPECT_EQ(server.count("stop"), 0U);
    transport.write("too late", from);
    transport.resume_reading();
  };
  DatagramPort port = listen(server);
  const Address at = port.host();
  turns(1);
  Socket client = peer();
  for (int i = 0; i < 5; ++i) client.sendto(concat(i), at);
  ASSERT_TRUE(until([&] { return server.gone; }));
  EXPECT_EQ(server.told, (Told{"start", "0", "stop"}));
  EXPECT_EQ(client.recv(100), "last words");
  client.settimeout(0s);
  EXPECT_THROW(client.recv(100), WouldBlock);
  listen(story(), at);  // the port is free
}

TEST_P(Datagrams, StoppedAtItsStart) {
  Story& server = story();
  server.at_start = [](DatagramTransport& transport) { transport.stop_listening(); };
  listen(server);
  turns(1);
  EXPECT_EQ(server.told, (Told{"start", "stop"}));
  Story& never = story();
  listen(never).stop_listening();
  turns(1);
  EXPECT_TRUE(never.gone);
  EXPECT_TRUE(never.told.empty()) << "it never started";
}

TEST_P(Datagrams, AnExceptionCostsThatDatagramAlone) {
  Story& server = story();
  server.at_datagram = [](DatagramTransport&, std::string_view text, const Address&) {
    if (text == "bad") throw std::runtime_error("too bad");
  };
  int errors = 0;
  reactor_->on_error([&](const std::exception_ptr&) { ++errors; });
  DatagramPort port = listen(server);
  Socket client = peer();
  for (const char* const text : {"good", "bad", "fine"}) client.sendto(text, port.host());
  ASSERT_TRUE(until([&] { return server.told.size() == 4; }));
  EXPECT_EQ(errors, 1);
  ASSERT_EQ(log_.lines.size(), 1U);
  EXPECT_NE(log_.lines[0].find("too bad"), std::string::npos);
}

// The reactor's end.

TEST_P(Datagrams, AStoppedReactorHasStoppedItsPorts) {
  Story& server = story();
  Story& late = story();
  Socket client = peer();
  DatagramPort port = listen(server);
  server.at_start = [&](DatagramTransport&) { reactor_->stop(); };
  server.at_stop = [&](DatagramTransport&) { listen(late); };  // one more
  reactor_->on_stop(Stopping::before, [&] { port.transport()->write("bye", client.getsockname()); });
  reactor_->on_stop(Stopping::during, [&] { EXPECT_EQ(server.count("stop"), 0U); });
  reactor_->on_stop(Stopping::after, [&] {
    EXPECT_EQ(server.count("stop"), 1U);
    EXPECT_EQ(late.count("stop"), 1U);
  });
  reactor_->run();
  EXPECT_EQ(server.told, (Told{"start", "stop"}));
  EXPECT_TRUE(server.gone && late.gone);
  EXPECT_EQ(client.recv(100), "bye");
}

TEST_P(Datagrams, ADestroyedReactorCallsNobody) {
  Story& server = story();
  listen(server);
  turns(1);
  Story& local = story();
  reactor_->listen_unix_datagram(Address::local(path("left")), player(local));
  reactor_.reset();
  EXPECT_EQ(server.told, Told{"start"});
  EXPECT_TRUE(server.gone && local.gone);
  EXPECT_FALSE(std::filesystem::exists(path("left")));
}

}  // namespace
}  // namespace parley
