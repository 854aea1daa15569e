#include "parley/socket/datagrams.h"

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "parley/base/print.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

class DatagramBatches : public testing::Test {
 protected:
  // A Unix socket with an abstract name of its own.
  static Socket named() {
    Socket socket(Family::local, Type::datagram);
    socket.setblocking(false);
    socket.bind(Address::abstract(format("parley datagrams ", ++last_, " of ", getpid())));
    return socket;
  }
  static std::string all_of(Socket& socket) {
    std::string all;
    try {
      for (;;) all += socket.recv(100000) + ";";
    } catch (const WouldBlock&) {
    }
    return all;
  }
  void queue(std::string_view bytes, const Socket& to) {
    outbox_.append(bytes, to.getsockname(), Family::local);
  }

  static inline int last_ = 0;
  Socket from_ = named(), one_ = named(), two_ = named();
  DatagramOutbox outbox_;
};

TEST_F(DatagramBatches, WhatIsHeldIsPassedByAndKeepsItsOrder) {
  queue("1a", one_);
  queue("2a", two_);
  queue("1b", one_);
  outbox_.hold_next();
  EXPECT_EQ(outbox_.held(), 2U);
  EXPECT_EQ(outbox_.next_peer(), two_.getsockname());
  queue("1c", one_);  // may not overtake
  queue("2b", two_);
  EXPECT_EQ(outbox_.held(), 3U);
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 2U);
  EXPECT_EQ(all_of(two_), "2a;2b;");
  EXPECT_EQ(all_of(one_), "");
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 0U);
  outbox_.release();
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 3U);
  EXPECT_EQ(all_of(one_), "1a;1b;1c;");
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(outbox_.bytes(), 0U);
}

TEST_F(DatagramBatches, TheOldestIsDroppedHeldOrNot) {
  queue("1a", one_);
  outbox_.hold_next();
  queue("2a", two_);
  outbox_.drop_oldest();
  ASSERT_EQ(outbox_.held(), 0U);
  queue("1b", one_);
  outbox_.drop_next();
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 1U);
  EXPECT_EQ(all_of(one_) + all_of(two_), "1b;");
}

TEST_F(DatagramBatches, WhatIsGoneLeavesNoTraceInWhatStays) {
  // One that stays at the head, and a hundred times as much that passes it by.
  queue("the first", one_);
  outbox_.hold_next();
  const std::string large(10000, 'x');
  for (int i = 0; i < 100; ++i) {
    queue(large, two_);
    ASSERT_EQ(outbox_.send(from_.fileno()).count, 1U);
    ASSERT_EQ(two_.recv(20000), large);
  }
  EXPECT_LT(outbox_.memory(), 200'000U);
  outbox_.release();
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 1U);
  EXPECT_EQ(all_of(one_), "the first;");
}

TEST_F(DatagramBatches, OneCallTakesSixtyFourAndTellsWhatStoppedIt) {
  two_.setsockopt(options::receive_buffer, 1 << 20);
  from_.connect(two_.getsockname());
  for (int i = 0; i < 70; ++i) outbox_.append("");
  std::size_t sent = 0;
  std::size_t got = 0;
  DatagramInbox inbox(1000, 10);
  for (int i = 0; i < 1000 && !outbox_.empty(); ++i) {
    const DatagramOutbox::Sent once = outbox_.send(from_.fileno());
    EXPECT_LE(once.count, most_datagrams_at_once);
    EXPECT_TRUE(!once.error || once.error == std::errc::resource_unavailable_try_again);
    sent += once.count;
    const Result<std::size_t> count = inbox.receive(two_.fileno(), Family::local, 1000);
    ASSERT_TRUE(count);
    EXPECT_LE(*count, most_datagrams_at_once);
    got += *count;
  }
  EXPECT_EQ(sent, 70U);
  while (got < 70) got += *inbox.receive(two_.fileno(), Family::local, 1000);
  EXPECT_EQ(*inbox.receive(two_.fileno(), Family::local, 1000), 0U) << "nothing more";
}

TEST_F(DatagramBatches, TooLongIsToldByTheFlag) {
  DatagramInbox inbox(4, 5);
  from_.sendto("12345", one_.getsockname());
  from_.sendto("123456", one_.getsockname());
  ASSERT_EQ(*inbox.receive(one_.fileno(), Family::local, 4), 2U);
  EXPECT_TRUE(inbox.whole(0));
  EXPECT_FALSE(inbox.whole(1));
  EXPECT_EQ(std::string(inbox.bytes(0).data(), inbox.bytes(0).size()), "12345");
  EXPECT_EQ(inbox.peer(0), from_.getsockname());
}

}  // namespace
}  // namespace parley
