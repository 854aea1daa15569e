#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/backends/memory_caller_fixture.h"

namespace parley {
namespace {

class MemoryWrites : public Memory {
 protected:
  std::size_t offer(StreamSlot& slot, std::string_view bytes) {
    return caller_->backend().offer(slot, {&bytes, 1});
  }
};

TEST_F(MemoryWrites, AnOfferTakesWhatThereIsRoomForAndPinsNothing) {
  MemoryFaults faults;
  faults.send_bytes = 4;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  std::string text = "some text";
  EXPECT_EQ(offer(slot, text), 4U);
  text.assign(9, 'X');
  EXPECT_EQ(offer(slot, text), 0U);
  caller_->turns(3);
  EXPECT_EQ(caller_->count("written"), 0);
  EXPECT_EQ(peer.received(), "some");
  EXPECT_EQ(caller_->write(slot, " of").taken, 3U);
  peer.reset();
  EXPECT_EQ(offer(slot, text), 0U);
}

TEST_F(MemoryWrites, AnOfferIsNotTakenByChance) {
  MemoryFaults faults;
  faults.pending = 0.5;
  use(faults);
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) taken += offer(slot, "x");
  EXPECT_GT(taken, 20U);
  EXPECT_LT(taken, 80U);
}

TEST_F(MemoryWrites, AFileIsSent) {
  const Handle file{network_->file("0123456789")};
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  EXPECT_EQ(caller_->backend().start_send_file(slot, file, 2, 5).taken, 5U);
  caller_->turns(2);
  EXPECT_EQ(peer.received(), "23456");
  EXPECT_TRUE(caller_->told.empty());
  EXPECT_EQ(network_->open_descriptors(), 1U);  // ours is the connection
}

TEST_F(MemoryWrites, AFileIsSentInPieces) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    use(MemoryFaults::rough(), seed);
    const std::string text = text_of(20000);
    const Handle file{network_->file(text)};
    StreamSlot slot;
    MemoryPeer peer = open(slot);
    std::size_t sent = 0;
    const auto send = [&] {
      while (sent < text.size()) {
        const Written written = caller_->backend().start_send_file(slot, file, sent, text.size() - sent);
        const std::size_t wanted = text.size() - sent;
        sent += written.taken;
        if (written.pending || written.taken < wanted) return;
      }
    };
    caller_->when_written = [&](StreamSlot&, std::size_t taken) {
      sent += taken;
      send();
    };
    send();
    EXPECT_TRUE(caller_->turn_until([&] { return peer.received().size() == text.size(); }));
    EXPECT_EQ(peer.received(), text);
  }
}

TEST_F(MemoryWrites, AFileThatIsTooShortFails) {
  for (const double pending : {0.0, 1.0}) {
    MemoryFaults faults;
    faults.pending = pending;
    use(faults);
    const Handle file{network_->file("0123456789")};
    StreamSlot slot;
    MemoryPeer peer = open(slot);
    (void)caller_->backend().start_send_file(slot, file, 8, 5);
    caller_->submit();
    caller_->turns(3);
    EXPECT_EQ(caller_->count("failed"), 1);
    EXPECT_EQ(caller_->count("written"), 1);
    EXPECT_EQ(caller_->failure, std::errc::io_error);
    caller_->backend().close(slot, true);
    caller_->turns(2);
    EXPECT_EQ(caller_->count("closed"), 1);
  }
}

TEST_F(MemoryWrites, AllThatIsPendingEndsTogether) {
  MemoryFaults faults;
  faults.pending = 1;
  faults.together = 1;
  use(faults);
  std::vector<StreamSlot> slots(3);
  std::vector<MemoryPeer> peers;
  for (StreamSlot& slot : slots) {
    peers.push_back(open(slot));
    ASSERT_TRUE(caller_->write(slot, "some text").pending);
  }
  caller_->when_all_written = [&] { EXPECT_TRUE(caller_->write(slots[1], " and more").pending); };
  caller_->submit();
  EXPECT_EQ(caller_->told.front(), "all written");
  for (const MemoryPeer& peer : peers) EXPECT_TRUE(peer.received().starts_with("some text"));
  caller_->when_all_written = nullptr;
  caller_->submit();
  caller_->turns(2);
  EXPECT_EQ(peers[1].received(), "some text and more");
  caller_->submit();
  EXPECT_LE(caller_->count("all written"), 2);  // nobody hears of nothing
}

TEST_F(MemoryWrites, NotTogetherWhereOneHasNoRoom) {
  MemoryFaults faults;
  faults.pending = 1;
  faults.together = 1;
  faults.send_bytes = 4;
  use(faults);
  StreamSlot small;
  StreamSlot large;
  MemoryPeer one = open(small);
  MemoryPeer other = open(large);
  ASSERT_TRUE(caller_->write(small, "abc").pending);
  ASSERT_TRUE(caller_->write(large, "some text").pending);
  caller_->submit();
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"written", "written"}));
  EXPECT_EQ(caller_->written[&large], 4U);
}

TEST_F(MemoryWrites, WakingIsToldOnce) {
  caller_->backend().wake();
  caller_->backend().wake();
  EXPECT_TRUE(caller_->told.empty());
  caller_->turns(2);
  EXPECT_EQ(caller_->told, (std::vector<std::string>{"woken"}));
  caller_->backend().wake();
  caller_->submit();
  caller_->turns(2);
  EXPECT_EQ(caller_->count("woken"), 2);
  caller_->backend().renew();
}

class MemoryWritesDeath : public MemoryWrites {};

TEST_F(MemoryWritesDeath, WhatAPendingWriteNeeds) {
  MemoryFaults faults;
  faults.pending = 1;
  use(faults);
  const Handle file{network_->file("0123456789")};
  StreamSlot slot;
  MemoryPeer peer = open(slot);
  ASSERT_TRUE(caller_->backend().start_send_file(slot, file, 0, 5).pending);
  EXPECT_DEATH((void)offer(slot, "x"), "rule 3");
  EXPECT_DEATH((void)caller_->backend().start_send_file(slot, file, 0, 5), "rule 3");
  const auto closing = [&] {
    network_->close(file.native);
    caller_->submit();
  };
  EXPECT_DEATH(closing(), "not open");
  const auto together = [&] {
    faults.together = 1;
    network_->set_faults(faults);
    network_->close(file.native);
    caller_->submit();
  };
  EXPECT_DEATH(together(), "not open");
  EXPECT_DEATH((void)caller_->backend().start_send_file(slot, slot.handle, 0, 5), "rule 3");
  caller_->submit();
  EXPECT_DEATH((void)caller_->backend().start_send_file(slot, slot.handle, 0, 5), "used for what it is not");
  caller_->backend().shutdown_write(slot);
  EXPECT_DEATH((void)offer(slot, "x"), "after shutdown_write");
}

}  // namespace
}  // namespace parley
