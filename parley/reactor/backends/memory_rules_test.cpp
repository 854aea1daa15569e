#include <gtest/gtest.h>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/backends/memory_caller_fixture.h"

namespace parley {
namespace {

// Rough seas: whatever the seed, every byte comes, in order, both ways.
TEST_F(Memory, EveryByteArrivesWhateverTheSeed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    use(MemoryFaults::rough(), seed);
    std::vector<StreamSlot> channels(3);
    std::vector<MemoryPeer> peers;
    std::map<StreamSlot*, std::size_t> sent;
    const std::string text = text_of(10000);
    const auto write = [&](StreamSlot& slot) {
      while (sent[&slot] < text.size()) {
        const std::string_view rest = std::string_view(text).substr(sent[&slot]);
        const std::string_view pieces[] = {rest.substr(0, 5),
                                           rest.substr(std::min<std::size_t>(5, rest.size()))};
        const Written written = caller_->write(slot, pieces);
        sent[&slot] += written.taken;
        if (written.pending || written.taken < rest.size()) return;
      }
      caller_->backend().shutdown_write(slot);
    };
    caller_->when_written = [&](StreamSlot& slot, std::size_t taken) {
      sent[&slot] += taken;
      write(slot);
    };
    caller_->when_received = [&](StreamSlot& slot) {
      caller_->backend().set_reading(slot, false);
      if (caller_->pieces.size() % 3 != 0) caller_->backend().set_reading(slot, true);
    };
    for (StreamSlot& slot : channels) {
      peers.push_back(open(slot));
      peers.back().send(text);
      peers.back().close();
      write(slot);
    }
    EXPECT_TRUE(caller_->turn_until([&] {
      for (StreamSlot& slot : channels) {
        if (caller_->count("end") < 3) caller_->backend().set_reading(slot, true);
      }
      return caller_->count("end") == 3 && peers[0].ended() && peers[1].ended() && peers[2].ended();
    }));
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(caller_->received[&channels[i]], text);
      EXPECT_EQ(peers[i].received(), text);
      caller_->backend().close(channels[i], false);
    }
    EXPECT_TRUE(caller_->turn_until([&] { return caller_->count("closed") == 3; }));
    EXPECT_EQ(network_->open_descriptors(), 0U);
  }
}

TEST_F(Memory, TheSameSeedTellsTheSame) {
  const auto play = [&](std::uint64_t seed) {
    use(MemoryFaults::rough(), seed);
    std::vector<StreamSlot> channels(3);
    std::vector<MemoryPeer> peers;
    for (StreamSlot& slot : channels) {
      peers.push_back(open(slot));
      peers.back().send(text_of(3000));
    }
    caller_->turns(60);
    for (MemoryPeer& peer : peers) peer.reset();
    caller_->turns(60);
    return std::pair(caller_->told, caller_->pieces);
  };
  const auto first = play(7);
  EXPECT_EQ(first, play(7));
  EXPECT_NE(first, play(8));
}

// What it watches over.

class MemoryDeath : public Memory {};

TEST_F(MemoryDeath, ChangingTheBytesOfAPendingWrite) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  std::string text = "some text";
  ASSERT_TRUE(caller_->write(slot, text).pending);
  text[3] = 'X';
  EXPECT_DEATH(caller_->submit(), "rule 2: the bytes of a pending write");
  text[3] = 'e';
  caller_->submit();
}

TEST_F(MemoryDeath, TwoWritesInFlight) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  ASSERT_TRUE(caller_->write(slot, "one").pending);
  EXPECT_DEATH((void)caller_->write(slot, "two"), "rule 3");
  EXPECT_DEATH(caller_->backend().shutdown_write(slot), "while a write was in flight");
}

TEST_F(MemoryDeath, AWriteBeforeThereWasRoomAgain) {
  MemoryFaults faults;
  faults.send_bytes = 2;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  ASSERT_EQ(caller_->write(slot, "one").taken, 2U);
  EXPECT_DEATH((void)caller_->write(slot, "two"), "rule 3");
}

TEST_F(MemoryDeath, WritingAfterTheEnd) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->backend().shutdown_write(slot);
  EXPECT_DEATH((void)caller_->write(slot, "more"), "after shutdown_write");
}

TEST_F(MemoryDeath, UsingAChannelAfterItsClose) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->backend().close(slot, false);
  EXPECT_DEATH(caller_->backend().set_reading(slot, false), "after close or detach");
  EXPECT_DEATH(caller_->backend().close(slot, false), "after close or detach");
}

TEST_F(MemoryDeath, UsingStorageAgainBeforeItIsFree) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  caller_->backend().close(slot, false);
  const int another = network_->connected().first;
  EXPECT_DEATH(caller_->backend().open(slot, Handle{another}), "rule 2: a slot's storage was used again");
  slot = StreamSlot{};
  EXPECT_DEATH(caller_->turn(), "rule 2: a slot's storage was changed");
  // Not destroyed in good order: the storage is spoilt.
}

TEST_F(MemoryDeath, WrongDescriptors) {
  StreamSlot first;
  StreamSlot second;
  MemoryPeer peer = open(first);
  EXPECT_DEATH(caller_->backend().open(second, Handle{999}), "not open");
  EXPECT_DEATH(caller_->backend().open(second, first.handle), "opened twice");
  EXPECT_DEATH(caller_->backend().discard(first.handle), "that a slot has");
  EXPECT_DEATH(caller_->backend().set_reading(second, true), "a slot was used that is not open");
  WatchSlot watch;
  EXPECT_DEATH(caller_->backend().watch(watch, first.handle, Interest::read), "used for what it is not");
}

TEST_F(MemoryDeath, TurningInsideATurn) {
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  peer.send("x");
  caller_->when_received = [&](StreamSlot&) { caller_->backend().turn(clock_.now()); };
  EXPECT_DEATH(caller_->turn(), "turn was called inside turn");
}

TEST_F(MemoryDeath, AnotherClock) {
  const ManualClock another;
  const Limits limits;
  EXPECT_DEATH((void)network_->backend()({.up = *caller_, .limits = limits, .clock = another}), "same clock");
}

}  // namespace
}  // namespace parley
