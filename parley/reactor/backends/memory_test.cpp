#include "parley/reactor/backends/memory.h"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/backends/memory_caller_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

TEST_F(Memory, ListensAcceptsReceivesAndSends) {
  ListenerSlot listener;
  Backend& backend = caller_->backend();
  const Address at = backend.listen(listener, Address("", 0), {}).value();
  EXPECT_NE(at.port(), 0);
  MemoryPeer peer = network_->connect(at.port());
  peer.send("hello");
  caller_->turn();
  EXPECT_TRUE(caller_->accepted.empty());  // not before it is told to
  backend.set_accepting(listener, true);
  caller_->turn();
  ASSERT_EQ(caller_->accepted.size(), 1U);
  EXPECT_EQ(caller_->last_peer, peer.address());

  StreamSlot slot;
  backend.open(slot, Handle{caller_->accepted[0]});
  EXPECT_EQ(backend.host(slot), Address("127.0.0.1", at.port()));
  caller_->turn();
  EXPECT_TRUE(caller_->received.empty());
  backend.set_reading(slot, true);
  caller_->turn();
  EXPECT_EQ(caller_->received[&slot], "hello");
  EXPECT_EQ(caller_->write(slot, "good day").taken, 8U);
  caller_->submit();
  EXPECT_EQ(peer.received(), "good day");
  EXPECT_EQ(peer.writes(), 1U);
  peer.close();
  caller_->turns(2);
  EXPECT_EQ(caller_->count("end"), 1);
  backend.close(slot, false);
  EXPECT_EQ(caller_->count("closed"), 0);
  caller_->turns(2);
  EXPECT_EQ(caller_->count("closed"), 1);
  EXPECT_TRUE(peer.ended());
  EXPECT_FALSE(peer.was_reset());
  backend.unlisten(listener);
  EXPECT_EQ(network_->open_descriptors(), 0U);
}

TEST_F(Memory, NobodyListens) {
  EXPECT_TRUE(network_->connect(1).was_reset());
  ListenerSlot first;
  ListenerSlot second;
  const Address at = caller_->backend().listen(first, Address("127.0.0.1", 7), {}).value();
  EXPECT_EQ(caller_->backend().listen(second, at, {}).error(), std::errc::address_in_use);
  const MemoryPeer peer = network_->connect(7);
  EXPECT_FALSE(peer.was_reset());
  caller_->backend().unlisten(first);
  EXPECT_TRUE(peer.was_reset());
}

TEST_F(Memory, OneAtEveryAddressTakesBothFamiliesOrIPv6Alone) {
  const auto reached = [&](const Address& any, bool v6_only) {
    ListenerSlot listener;
    const int port = caller_->backend().listen(listener, any, {.v6_only = v6_only}).value().port();
    std::string families;
    if (!network_->connect(Address("192.0.2.1", port)).was_reset()) families += "4";
    if (!network_->connect(Address("2001:db8::1", port)).was_reset()) families += "6";
    caller_->backend().unlisten(listener);
    return families;
  };
  EXPECT_EQ(reached(Address("", 0), false), "46");
  EXPECT_EQ(reached(Address("::", 0), false), "46");
  EXPECT_EQ(reached(Address("", 0), true), "6");
  EXPECT_EQ(reached(Address("::", 0), true), "6");
  EXPECT_EQ(reached(Address("0.0.0.0", 0), false), "4");
}

TEST_F(Memory, WhoListensAtEveryAddressIsInTheWay) {
  Backend& backend = caller_->backend();
  ListenerSlot any;
  ListenerSlot other;
  const int port = backend.listen(any, Address("0.0.0.0", 0), {}).value().port();
  EXPECT_EQ(backend.listen(other, Address("127.0.0.1", port), {}).error(), std::errc::address_in_use);
  EXPECT_EQ(backend.listen(other, Address("::", port), {}).error(), std::errc::address_in_use);
  ASSERT_TRUE(backend.listen(other, Address("::", port), {.v6_only = true}).ok());
  backend.unlisten(other);
  EXPECT_TRUE(backend.listen(other, Address("::1", port), {}).ok());
  // Another machine has its own addresses.
  Caller far(*network_);
  ListenerSlot there;
  EXPECT_TRUE(far.backend().listen(there, Address("192.0.2.7", port), {}).ok());
}

TEST_F(Memory, LocalPeersAreNumbered) {
  ListenerSlot listener;
  const Address at = caller_->backend().listen(listener, Address::local("/run/x"), {}).value();
  caller_->backend().set_accepting(listener, true);
  const MemoryPeer peer = network_->connect(at);
  caller_->turn();
  EXPECT_EQ(caller_->last_peer, Address::local_peer(peer.address().number()));
}

TEST_F(Memory, WhatIsLentMayBeOverwritten) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->when_received = [&](StreamSlot&) { caller_->last_lent[0] = 'X'; };
  peer.send("abc");
  caller_->turn();
  EXPECT_EQ(caller_->received[&slot], "abc");
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"received"}));
}

TEST_F(Memory, PausingInTheMiddleOfABatchHoldsTheRest) {
  MemoryFaults faults;
  faults.buffer_bytes = 2;
  faults.buffers = 4;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  peer.send("aabbccdd");
  caller_->when_received = [&](StreamSlot& c) { caller_->backend().set_reading(c, false); };
  caller_->turns(5);
  EXPECT_EQ(caller_->received[&slot], "aa");
  EXPECT_EQ(peer.unread(), 0U);  // it is at hand, and is not told
  caller_->backend().set_reading(slot, true);
  caller_->turns(5);
  EXPECT_EQ(caller_->received[&slot], "aabb");
  caller_->when_received = nullptr;
  caller_->backend().set_reading(slot, true);
  caller_->turn();
  EXPECT_EQ(caller_->received[&slot], "aabbccdd");
}

TEST_F(Memory, APeerThatDoesNotReadFillsTheKernel) {
  MemoryFaults faults;
  faults.send_bytes = 10;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  peer.window(3);
  const std::string text = "0123456789abcdef";
  EXPECT_EQ(caller_->write(slot, text).taken, 10U);
  caller_->turns(3);
  EXPECT_EQ(peer.received(), "012");
  EXPECT_EQ(caller_->count("written"), 1);  // there was room again, for 3
  EXPECT_EQ(caller_->written[&slot], 0U);
  EXPECT_EQ(caller_->write(slot, text.substr(10)).taken, 3U);
  caller_->turns(3);
  EXPECT_EQ(caller_->count("written"), 1);
  peer.read_everything();
  caller_->turns(3);
  EXPECT_EQ(caller_->count("written"), 2);
  EXPECT_EQ(peer.received(), "0123456789abc");
}

TEST_F(Memory, APendingWriteIsTakenAtSubmitOrLater) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  const std::string text = "some text";
  const Written written = caller_->write(slot, text);
  EXPECT_TRUE(written.pending);
  EXPECT_EQ(written.taken, 0U);
  EXPECT_EQ(peer.received(), "");
  caller_->submit();
  EXPECT_EQ(caller_->written[&slot], text.size());
  EXPECT_EQ(peer.received(), text);
  EXPECT_EQ(caller_->count("written"), 1);
}

TEST_F(Memory, ClosingWithAWritePendingEndsItFirst) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  const std::string text = "some text";
  (void)caller_->write(slot, text);
  caller_->backend().close(slot, false);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"written", "closed"}));
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(peer.received(), text.substr(0, caller_->written[&slot]));
}

TEST_F(Memory, ClosingWithAWriteThatWasNotTakenWholeEndsItSilently) {
  MemoryFaults faults;
  faults.send_bytes = 2;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  EXPECT_EQ(caller_->write(slot, "one").taken, 2U);
  caller_->backend().close(slot, false);
  caller_->turns(3);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"closed"}));
}

TEST_F(Memory, ClosingWithUnreadInputResetsAsTcpDoes) {
  StreamSlot slot;
  MemoryPeer peer = open(slot, false);
  peer.window(0);
  EXPECT_EQ(caller_->write(slot, "last words").taken, 10U);
  peer.send("unread");
  caller_->backend().close(slot, false);
  caller_->turns(3);
  peer.read_everything();
  caller_->turns(3);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(peer.received(), "");  // they never arrived
}

TEST_F(Memory, ResettingDropsWhatIsOnItsWay) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  peer.window(0);
  EXPECT_EQ(caller_->write(slot, "words").taken, 5U);
  caller_->backend().close(slot, true);
  caller_->turns(3);
  peer.read_everything();
  caller_->turns(3);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(peer.received(), "");
}

TEST_F(Memory, SendingToAClosedConnectionIsAnsweredByAReset) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->backend().close(slot, false);
  caller_->turns(2);
  EXPECT_TRUE(peer.ended());
  EXPECT_FALSE(peer.was_reset());
  peer.send("anybody there?");
  EXPECT_TRUE(peer.was_reset());
}

TEST_F(Memory, ABrokenConnectionFailsOnce) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  peer.send("before");
  peer.reset(std::make_error_code(std::errc::timed_out));
  caller_->turns(5);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"received", "failed"}));
  EXPECT_EQ(caller_->failure, std::errc::timed_out);
  const std::string text = "too late";
  EXPECT_EQ(caller_->write(slot, text).taken, 0U);
  caller_->turns(5);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"received", "failed", "written"}));
}

TEST_F(Memory, AHalfClosedConnectionStillReceives) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  EXPECT_EQ(caller_->write(slot, "x").taken, 1U);
  caller_->backend().shutdown_write(slot);
  caller_->turns(2);
  EXPECT_TRUE(peer.ended());
  peer.send("still here");
  caller_->turn();
  EXPECT_EQ(caller_->received[&slot], "still here");
}

TEST_F(Memory, DetachingHandsOverWhatIsHeld) {
  MemoryFaults faults;
  faults.buffer_bytes = 2;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->when_received = [&](StreamSlot& c) { caller_->backend().detach(c); };
  peer.send("aabbcc");
  peer.close();
  caller_->turns(3);
  EXPECT_EQ(caller_->received[&slot], "aa");
  EXPECT_EQ(caller_->count("detached"), 1);
  EXPECT_FALSE(peer.ended());
  const std::string so_far = "aa" + caller_->held;
  EXPECT_EQ(so_far + std::string("aabbcc").substr(so_far.size()), "aabbcc");

  caller_->when_received = nullptr;
  StreamSlot next;
  caller_->backend().open(next, Handle{caller_->detached});
  caller_->backend().set_reading(next, true);
  caller_->turns(5);
  EXPECT_EQ(so_far + caller_->received[&next], "aabbcc");
  EXPECT_EQ(caller_->count("end"), 1);
}

TEST_F(Memory, AcceptingFailsOnOrderAndRests) {
  ListenerSlot listener;
  Backend& backend = caller_->backend();
  ASSERT_TRUE(backend.listen(listener, Address("", 7), {}).ok());
  backend.set_accepting(listener, true);
  network_->fail_accepts(1);
  MemoryPeer first = network_->connect(7);
  MemoryPeer second = network_->connect(7);
  caller_->turns(5);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"accept failed"}));
  EXPECT_EQ(caller_->failure, std::errc::too_many_files_open);
  EXPECT_TRUE(backend.refuse(listener, "full"));
  caller_->turn();
  EXPECT_EQ(first.received(), "full");
  EXPECT_TRUE(first.ended());
  backend.set_accepting(listener, true);
  caller_->turns(2);
  EXPECT_EQ(caller_->accepted.size(), 1U);
  EXPECT_FALSE(backend.refuse(listener, "full"));  // nobody waits
  backend.discard(Handle{caller_->accepted[0]});
  caller_->turn();
  EXPECT_TRUE(second.ended());
  MemoryFaults faults;
  faults.spare = false;
  network_->set_faults(faults);
  backend.set_accepting(listener, false);
  const MemoryPeer third = network_->connect(7);
  EXPECT_FALSE(backend.refuse(listener, "full"));
}

TEST_F(Memory, AcceptsNoMoreInATurnThanTheLimit) {
  Limits limits;
  limits.accept_batch = 3;
  use(MemoryFaults::calm(), 1, limits);
  ListenerSlot listener;
  ASSERT_TRUE(caller_->backend().listen(listener, Address("", 7), {}).ok());
  caller_->backend().set_accepting(listener, true);
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
  StreamSlot alone;
  MemoryPeer talker = open(alone);
  talker.send(text_of(120));
  caller_->turn();
  EXPECT_EQ(caller_->pieces, (std::vector<std::size_t>{100}));
  caller_->turn();
  EXPECT_EQ(caller_->pieces, (std::vector<std::size_t>{100, 20}));

  std::vector<StreamSlot> channels(4);
  std::vector<MemoryPeer> peers;
  for (StreamSlot& slot : channels) {
    peers.push_back(open(slot));
    peers.back().send(text_of(1000));
  }
  for (int turn = 1; turn <= 8; ++turn) {
    std::map<StreamSlot*, std::size_t> before;
    for (StreamSlot& slot : channels) before[&slot] = caller_->received[&slot].size();
    caller_->turn();
    std::size_t total = 0;
    for (StreamSlot& slot : channels) {
      const std::size_t now = caller_->received[&slot].size() - before[&slot];
      EXPECT_LE(now, 100U);
      total += now;
    }
    EXPECT_EQ(total, 250U);
  }
  for (StreamSlot& slot : channels) EXPECT_GE(caller_->received[&slot].size(), 400U);  // nobody starves
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
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  peer.send("x");
  caller_->turn(3s);
  EXPECT_EQ(clock_.now(), before + 4s);
}

TEST_F(Memory, WatchesAreReadyUntilToldOtherwise) {
  Backend& backend = caller_->backend();
  const int descriptor = network_->descriptor();
  WatchSlot watch;
  backend.watch(watch, Handle{descriptor}, Interest::read);
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
