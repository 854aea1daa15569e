#include <gtest/gtest.h>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/backends/memory_caller.h"

namespace parley {
namespace {

// Rough seas: whatever the seed, every byte comes, in order, both ways.
TEST_F(Memory, EveryByteArrivesWhateverTheSeed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    use(MemoryFaults::rough(), seed);
    std::vector<Channel> channels(3);
    std::vector<MemoryPeer> peers;
    std::map<Channel*, std::size_t> sent;
    const std::string text = text_of(10000);
    const auto write = [&](Channel& channel) {
      while (sent[&channel] < text.size()) {
        const std::string_view rest = std::string_view(text).substr(sent[&channel]);
        const std::string_view pieces[] = {rest.substr(0, 5),
                                           rest.substr(std::min<std::size_t>(5, rest.size()))};
        const Written written = caller_->backend().start_write(channel, pieces);
        sent[&channel] += written.taken;
        if (written.pending || written.taken < rest.size()) return;
      }
      caller_->backend().shutdown_write(channel);
    };
    caller_->when_written = [&](Channel& channel, std::size_t taken) {
      sent[&channel] += taken;
      write(channel);
    };
    caller_->when_received = [&](Channel& channel) {
      caller_->backend().set_reading(channel, false);
      if (caller_->pieces.size() % 3 != 0) caller_->backend().set_reading(channel, true);
    };
    for (Channel& channel : channels) {
      peers.push_back(open(channel));
      peers.back().send(text);
      peers.back().close();
      write(channel);
    }
    EXPECT_TRUE(caller_->turn_until([&] {
      for (Channel& channel : channels) {
        if (caller_->count("end") < 3) caller_->backend().set_reading(channel, true);
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
    std::vector<Channel> channels(3);
    std::vector<MemoryPeer> peers;
    for (Channel& channel : channels) {
      peers.push_back(open(channel));
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
  Channel channel;
  MemoryPeer peer = open(channel);
  std::string text = "some text";
  ASSERT_TRUE(caller_->write(channel, text).pending);
  text[3] = 'X';
  EXPECT_DEATH(caller_->gate(), "rule 2: the bytes of a pending write");
  text[3] = 'e';
  caller_->gate();
}

TEST_F(MemoryDeath, TwoWritesInFlight) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  ASSERT_TRUE(caller_->write(channel, "one").pending);
  EXPECT_DEATH((void)caller_->write(channel, "two"), "rule 3");
  EXPECT_DEATH(caller_->backend().shutdown_write(channel), "while a write was in flight");
}

TEST_F(MemoryDeath, AWriteBeforeThereWasRoomAgain) {
  MemoryFaults faults;
  faults.send_bytes = 2;
  use(faults);
  Channel channel;
  MemoryPeer peer = open(channel);
  ASSERT_EQ(caller_->write(channel, "one").taken, 2U);
  EXPECT_DEATH((void)caller_->write(channel, "two"), "rule 3");
}

TEST_F(MemoryDeath, WritingAfterTheEnd) {
  Channel channel;
  MemoryPeer peer = open(channel);
  caller_->backend().shutdown_write(channel);
  EXPECT_DEATH((void)caller_->write(channel, "more"), "after shutdown_write");
}

TEST_F(MemoryDeath, UsingAChannelAfterItsClose) {
  Channel channel;
  MemoryPeer peer = open(channel);
  caller_->backend().close(channel, false);
  EXPECT_DEATH(caller_->backend().set_reading(channel, false), "after close or detach");
  EXPECT_DEATH(caller_->backend().close(channel, false), "after close or detach");
}

TEST_F(MemoryDeath, UsingStorageAgainBeforeItIsFree) {
  Channel channel;
  MemoryPeer peer = open(channel);
  caller_->backend().close(channel, false);
  const int another = network_->connected().first;
  EXPECT_DEATH(caller_->backend().open(channel, another), "rule 2: a channel's storage was used again");
  channel = Channel{};
  EXPECT_DEATH(caller_->turn(), "rule 2: a channel's storage was changed");
  // Not destroyed in good order: the storage is spoilt.
}

TEST_F(MemoryDeath, WrongDescriptors) {
  Channel first;
  Channel second;
  MemoryPeer peer = open(first);
  EXPECT_DEATH(caller_->backend().open(second, 999), "not open");
  EXPECT_DEATH(caller_->backend().open(second, first.descriptor), "opened twice");
  EXPECT_DEATH(caller_->backend().discard(first.descriptor), "that a channel has");
  EXPECT_DEATH(caller_->backend().set_reading(second, true), "a channel was used that is not open");
  Watch watch;
  EXPECT_DEATH(caller_->backend().watch(watch, first.descriptor, Interest::read), "used for what it is not");
}

TEST_F(MemoryDeath, TurningInsideATurn) {
  Channel channel;
  MemoryPeer peer = open(channel);
  peer.send("x");
  caller_->when_received = [&](Channel&) { caller_->backend().turn(clock_.now()); };
  EXPECT_DEATH(caller_->turn(), "turn was called inside turn");
}

TEST_F(MemoryDeath, AnotherClock) {
  const ManualClock another;
  const Limits limits;
  EXPECT_DEATH((void)network_->backend()({.up = *caller_, .limits = limits, .clock = another}), "same clock");
}

}  // namespace
}  // namespace parley
