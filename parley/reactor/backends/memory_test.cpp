#include "parley/reactor/backends/memory.h"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/backends/memory_caller.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

TEST_F(Memory, ListensAcceptsReceivesAndSends) {
  Door door;
  Backend& backend = caller_->backend();
  const Address at = backend.listen(door, Address("", 0), {}).value();
  EXPECT_NE(at.port(), 0);
  MemoryPeer peer = network_->connect(at.port());
  peer.send("hello");
  caller_->turn();
  EXPECT_TRUE(caller_->accepted.empty());  // not before it is told to
  backend.set_accepting(door, true);
  caller_->turn();
  ASSERT_EQ(caller_->accepted.size(), 1U);
  EXPECT_EQ(caller_->last_peer, peer.address());

  Channel channel;
  backend.open(channel, caller_->accepted[0]);
  EXPECT_EQ(backend.host(channel), Address("127.0.0.1", at.port()));
  caller_->turn();
  EXPECT_TRUE(caller_->received.empty());
  backend.set_reading(channel, true);
  caller_->turn();
  EXPECT_EQ(caller_->received[&channel], "hello");
  EXPECT_EQ(caller_->write(channel, "good day").taken, 8U);
  caller_->gate();
  EXPECT_EQ(peer.received(), "good day");
  EXPECT_EQ(peer.writes(), 1U);
  peer.close();
  caller_->turns(2);
  EXPECT_EQ(caller_->count("end"), 1);
  backend.close(channel, false);
  EXPECT_EQ(caller_->count("closed"), 0);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("closed"), 1);
  EXPECT_TRUE(peer.ended());
  EXPECT_FALSE(peer.was_reset());
  backend.unlisten(door);
  EXPECT_EQ(network_->open_descriptors(), 0U);
}

TEST_F(Memory, NobodyListens) {
  EXPECT_TRUE(network_->connect(1).was_reset());
  Door first;
  Door second;
  const Address at = caller_->backend().listen(first, Address("127.0.0.1", 7), {}).value();
  EXPECT_EQ(caller_->backend().listen(second, at, {}).error(), std::errc::address_in_use);
  const MemoryPeer peer = network_->connect(7);
  EXPECT_FALSE(peer.was_reset());
  caller_->backend().unlisten(first);
  EXPECT_TRUE(peer.was_reset());
}

TEST_F(Memory, LocalPeersAreNumbered) {
  Door door;
  const Address at = caller_->backend().listen(door, Address::local("/run/x"), {}).value();
  caller_->backend().set_accepting(door, true);
  const MemoryPeer peer = network_->connect(at);
  caller_->turn();
  EXPECT_EQ(caller_->last_peer, Address::local_peer(peer.address().number()));
}

TEST_F(Memory, WhatIsLentMayBeOverwritten) {
  Channel channel;
  MemoryPeer peer = open(channel);
  caller_->when_received = [&](Channel&) { caller_->last_lent[0] = 'X'; };
  peer.send("abc");
  caller_->turn();
  EXPECT_EQ(caller_->received[&channel], "abc");
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"received"}));
}

TEST_F(Memory, PausingInTheMiddleOfABatchHoldsTheRest) {
  MemoryFaults faults;
  faults.buffer_bytes = 2;
  faults.buffers = 4;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  peer.send("aabbccdd");
  caller_->when_received = [&](Channel& c) { caller_->backend().set_reading(c, false); };
  caller_->turns(5);
  EXPECT_EQ(caller_->received[&channel], "aa");
  EXPECT_EQ(peer.unread(), 0U);  // it is at hand, and is not told
  caller_->backend().set_reading(channel, true);
  caller_->turns(5);
  EXPECT_EQ(caller_->received[&channel], "aabb");
  caller_->when_received = nullptr;
  caller_->backend().set_reading(channel, true);
  caller_->turn();
  EXPECT_EQ(caller_->received[&channel], "aabbccdd");
}

TEST_F(Memory, APeerThatDoesNotReadFillsTheKernel) {
  MemoryFaults faults;
  faults.send_bytes = 10;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  peer.window(3);
  const std::string text = "0123456789abcdef";
  EXPECT_EQ(caller_->write(channel, text).taken, 10U);
  caller_->turns(3);
  EXPECT_EQ(peer.received(), "012");
  EXPECT_EQ(caller_->count("written"), 1);  // there was room again, for 3
  EXPECT_EQ(caller_->written[&channel], 0U);
  EXPECT_EQ(caller_->write(channel, text.substr(10)).taken, 3U);
  caller_->turns(3);
  EXPECT_EQ(caller_->count("written"), 1);
  peer.read_everything();
  caller_->turns(3);
  EXPECT_EQ(caller_->count("written"), 2);
  EXPECT_EQ(peer.received(), "0123456789abc");
}

TEST_F(Memory, APendingWriteIsTakenAtTheGateOrLater) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  const std::string text = "some text";
  const Written written = caller_->write(channel, text);
  EXPECT_TRUE(written.pending);
  EXPECT_EQ(written.taken, 0U);
  EXPECT_EQ(peer.received(), "");
  caller_->gate();
  EXPECT_EQ(caller_->written[&channel], text.size());
  EXPECT_EQ(peer.received(), text);
  EXPECT_EQ(caller_->count("written"), 1);
}

TEST_F(Memory, ClosingWithAWritePendingEndsItFirst) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  const std::string text = "some text";
  (void)caller_->write(channel, text);
  caller_->backend().close(channel, false);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"written", "closed"}));
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(peer.received(), text.substr(0, caller_->written[&channel]));
}

TEST_F(Memory, ClosingWithAWriteThatWasNotTakenWholeEndsItSilently) {
  MemoryFaults faults;
  faults.send_bytes = 2;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  EXPECT_EQ(caller_->write(channel, "one").taken, 2U);
  caller_->backend().close(channel, false);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"closed"}));
}

TEST_F(Memory, ClosingWithUnreadInputResetsAsTcpDoes) {
  Channel channel;
  MemoryPeer peer = open(channel, false);
  peer.window(0);
  EXPECT_EQ(caller_->write(channel, "last words").taken, 10U);
  peer.send("unread");
  caller_->backend().close(channel, false);
  caller_->turns(3);
  peer.read_everything();
  caller_->turns(3);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(peer.received(), "");  // they never arrived
}

TEST_F(Memory, ResettingDropsWhatIsOnItsWay) {
  Channel channel;
  MemoryPeer peer = open(channel);
  peer.window(0);
  EXPECT_EQ(caller_->write(channel, "words").taken, 5U);
  caller_->backend().close(channel, true);
  caller_->turns(3);
  peer.read_everything();
  caller_->turns(3);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(peer.received(), "");
}

TEST_F(Memory, SendingToAClosedConnectionIsAnsweredByAReset) {
  Channel channel;
  MemoryPeer peer = open(channel);
  caller_->backend().close(channel, false);
  caller_->turns(2);
  EXPECT_TRUE(peer.ended());
  EXPECT_FALSE(peer.was_reset());
  peer.send("anybody there?");
  EXPECT_TRUE(peer.was_reset());
}

TEST_F(Memory, ABrokenConnectionFailsOnce) {
  Channel channel;
  MemoryPeer peer = open(channel);
  peer.send("before");
  peer.reset(std::make_error_code(std::errc::timed_out));
  caller_->turns(5);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"received", "failed"}));
  EXPECT_EQ(caller_->failure, std::errc::timed_out);
  const std::string text = "too late";
  EXPECT_EQ(caller_->write(channel, text).taken, 0U);
  caller_->turns(5);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"received", "failed", "written"}));
}

TEST_F(Memory, AHalfClosedConnectionStillReceives) {
  Channel channel;
  MemoryPeer peer = open(channel);
  EXPECT_EQ(caller_->write(channel, "x").taken, 1U);
  caller_->backend().shutdown_write(channel);
  caller_->turns(2);
  EXPECT_TRUE(peer.ended());
  peer.send("still here");
  caller_->turn();
  EXPECT_EQ(caller_->received[&channel], "still here");
}

TEST_F(Memory, DetachingHandsOverWhatIsHeld) {
  MemoryFaults faults;
  faults.buffer_bytes = 2;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  caller_->when_received = [&](Channel& c) { caller_->backend().detach(c); };
  peer.send("aabbcc");
  peer.close();
  caller_->turns(3);
  EXPECT_EQ(caller_->received[&channel], "aa");
  EXPECT_EQ(caller_->count("detached"), 1);
  EXPECT_FALSE(peer.ended());
  const std::string so_far = "aa" + caller_->held;
  EXPECT_EQ(so_far + std::string("aabbcc").substr(so_far.size()), "aabbcc");

  caller_->when_received = nullptr;
  Channel next;
  caller_->backend().open(next, caller_->detached);
  caller_->backend().set_reading(next, true);
  caller_->turns(5);
  EXPECT_EQ(so_far + caller_->received[&next], "aabbcc");
  EXPECT_EQ(caller_->count("end"), 1);
}

TEST_F(Memory, AcceptingFailsOnOrderAndRests) {
  Door door;
  Backend& backend = caller_->backend();
  ASSERT_TRUE(backend.listen(door, Address("", 7), {}).ok());
  backend.set_accepting(door, true);
  network_->fail_accepts(1);
  MemoryPeer first = network_->connect(7);
  MemoryPeer second = network_->connect(7);
  caller_->turns(5);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"accept failed"}));
  EXPECT_EQ(caller_->failure, std::errc::too_many_files_open);
  EXPECT_TRUE(backend.refuse(door, "full"));
  caller_->turn();
  EXPECT_EQ(first.received(), "full");
  EXPECT_TRUE(first.ended());
  backend.set_accepting(door, true);
  caller_->turns(2);
  EXPECT_EQ(caller_->accepted.size(), 1U);
  EXPECT_FALSE(backend.refuse(door, "full"));  // nobody waits
  backend.discard(caller_->accepted[0]);
  caller_->turn();
  EXPECT_TRUE(second.ended());
  MemoryFaults faults;
  faults.spare = false;
  network_->set_faults(faults);
  backend.set_accepting(door, false);
  const MemoryPeer third = network_->connect(7);
  EXPECT_FALSE(backend.refuse(door, "full"));
}

TEST_F(Memory, AcceptsNoMoreInATurnThanTheLimit) {
  Limits limits;
  limits.accept_batch = 3;
  use(MemoryFaults::calm(), 1, limits);
  Door door;
  ASSERT_TRUE(caller_->backend().listen(door, Address("", 7), {}).ok());
  caller_->backend().set_accepting(door, true);
  std::vector<MemoryPeer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(network_->connect(7));
  caller_->turn(1h);
  EXPECT_EQ(caller_->accepted.size(), 3U);
  caller_->turn(1h);
  EXPECT_EQ(caller_->accepted.size(), 6U);
  caller_->turn(1h);
  EXPECT_EQ(caller_->accepted.size(), 8U);
}

TEST_F(Memory, ATurnTakesInNoMoreThanItsLimits) {
  Limits limits;
  limits.read_bytes = 100;
  limits.turn_bytes = 250;
  use(MemoryFaults::calm(), 1, limits);
  Channel alone;
  MemoryPeer talker = open(alone);
  talker.send(text_of(120));
  caller_->turn();
  EXPECT_EQ(caller_->pieces, (std::vector<std::size_t>{100}));
  caller_->turn();
  EXPECT_EQ(caller_->pieces, (std::vector<std::size_t>{100, 20}));

  std::vector<Channel> channels(4);
  std::vector<MemoryPeer> peers;
  for (Channel& channel : channels) {
    peers.push_back(open(channel));
    peers.back().send(text_of(1000));
  }
  for (int turn = 1; turn <= 8; ++turn) {
    std::map<Channel*, std::size_t> before;
    for (Channel& channel : channels) before[&channel] = caller_->received[&channel].size();
    caller_->turn();
    std::size_t total = 0;
    for (Channel& channel : channels) {
      const std::size_t now = caller_->received[&channel].size() - before[&channel];
      EXPECT_LE(now, 100U);
      total += now;
    }
    EXPECT_EQ(total, 250U);
  }
  for (Channel& channel : channels) EXPECT_GE(caller_->received[&channel].size(), 400U);  // nobody starves
}

TEST_F(Memory, NothingToDoTurnsTheClock) {
  const Time before = clock_.now();
  caller_->turn(3s);
  EXPECT_EQ(clock_.now(), before + 3s);
  caller_->backend().wake();
  caller_->turn(3s);
  EXPECT_EQ(clock_.now(), before + 3s);
  caller_->turn(-1s);
  EXPECT_EQ(clock_.now(), before + 3s);
  caller_->turn(1s);
  EXPECT_EQ(clock_.now(), before + 4s);
  Channel channel;
  MemoryPeer peer = open(channel);
  peer.send("x");
  caller_->turn(3s);
  EXPECT_EQ(clock_.now(), before + 4s);
}

TEST_F(Memory, WatchesAreReadyUntilToldOtherwise) {
  Backend& backend = caller_->backend();
  const int descriptor = network_->descriptor();
  Watch watch;
  backend.watch(watch, descriptor, Interest::read);
  network_->set_ready(descriptor, Interest::write);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("ready"), 0);
  network_->set_ready(descriptor, Interest::both);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("ready"), 2);
  EXPECT_EQ(caller_->ready, Interest::read);
  backend.rewatch(watch, Interest::none);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("ready"), 2);
  backend.rewatch(watch, Interest::both);
  caller_->when_ready = [&] { backend.unwatch(watch); };
  caller_->turns(2);
  EXPECT_EQ(caller_->count("ready"), 3);
  network_->close(descriptor);
}

}  // namespace
}  // namespace parley
