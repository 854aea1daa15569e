#include "parley/reactor/datagram/datagram_queue.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "parley/base/print.h"

namespace parley {
namespace {

class DatagramQueueTest : public testing::Test {
 protected:
  void append(std::string_view text, const Address& to) { queue.append(text, &to, {}); }
  std::vector<std::string> batch() {
    std::vector<std::string> texts;
    for (const Outgoing& each : queue.begin_batch()) texts.emplace_back(each.bytes);
    return texts;
  }

  using Texts = std::vector<std::string>;
  const Address one{"127.0.0.1", 1};
  const Address two{"127.0.0.1", 2};
  DatagramQueue::Spare spare;
  DatagramQueue queue{spare};
};

TEST_F(DatagramQueueTest, BatchesAreBoundedAndInOrder) {
  for (int i = 0; i < 100; ++i) append(concat(i), one);
  EXPECT_EQ(batch().size(), DatagramQueue::most_at_once);
  EXPECT_EQ(queue.end_batch(64), nullptr);
  EXPECT_EQ(queue.size(), 36U);
  const Texts rest = batch();
  EXPECT_EQ(rest.front(), "64");
  EXPECT_EQ(rest.back(), "99");
  EXPECT_EQ(queue.end_batch(36), nullptr);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST_F(DatagramQueueTest, WhatWasNotSentIsNamedAndStays) {
  for (const char* const text : {"a", "b", "c"}) append(text, one);
  (void)batch();
  const DatagramQueue::Entry* const next = queue.end_batch(1);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->bytes, "b");
  EXPECT_FALSE(queue.in_batch());
  queue.drop(next);
  EXPECT_EQ(batch(), Texts{"c"});
}

TEST_F(DatagramQueueTest, WhoIsHeldIsPassedByAndKeepsItsOrder) {
  append("a1", one);
  append("b1", two);
  append("a2", one);
  (void)batch();
  queue.hold(*queue.end_batch(0));
  append("a3", one);
  append("b2", two);
  queue.append("c", nullptr, {});
  EXPECT_EQ(queue.held(), 3U);
  EXPECT_EQ(batch(), (Texts{"b1", "b2", "c"}));
  EXPECT_EQ(queue.end_batch(3), nullptr);
  EXPECT_TRUE(batch().empty());
  EXPECT_EQ(queue.end_batch(0), nullptr);
  queue.release();
  EXPECT_EQ(batch(), (Texts{"a1", "a2", "a3"}));
}

// A back end that completes may have it in its hands.
TEST_F(DatagramQueueTest, WhatIsInABatchStaysInItsPlace) {
  append("first", one);
  append("second", two);
  const std::span<const Outgoing> pinned = queue.begin_batch();
  append("third", one);
  ASSERT_TRUE(queue.drop_oldest());
  EXPECT_EQ(queue.size(), 2U) << "the third went";
  EXPECT_FALSE(queue.drop_oldest());
  for (int i = 0; i < 1000; ++i) append("more", two);
  queue.advance_batch(1);
  EXPECT_TRUE(queue.in_batch());
  EXPECT_EQ(pinned[1].bytes, "second");
  EXPECT_EQ(*pinned[1].to, two);
  EXPECT_EQ(queue.end_batch(1), nullptr);
  EXPECT_EQ(queue.size(), 1000U);
}

}  // namespace
}  // namespace parley
