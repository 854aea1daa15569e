#include "parley/reactor/loop/outbox.h"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace parley {
namespace {

struct Fixture : ::testing::Test {
  std::string content() {
    Tape scratch;
    std::vector<std::string_view> pieces;
    const std::size_t total = outbox.gather(scratch, pieces);
    std::string all;
    for (const std::string_view piece : pieces) all += piece;
    EXPECT_EQ(all.size(), total);
    EXPECT_EQ(outbox.size(), total);
    return all;
  }
  std::size_t pieces() {
    Tape scratch;
    std::vector<std::string_view> gathered;
    outbox.gather(scratch, gathered);
    return gathered.size();
  }

  Tape tape;
  BacklogStore store;
  Outbox outbox;
};

using OutboxTest = Fixture;

TEST_F(OutboxTest, WhatStandsSideBySideOnTheTapeIsOneSlice) {
  for (int i = 0; i < 60; ++i) outbox.append(tape.append("message ", i, "\r\n"));
  EXPECT_EQ(pieces(), 1U);
  EXPECT_EQ(outbox.kept(), 0U);
}

TEST_F(OutboxTest, SmallPiecesAreGatheredAndLargeOnesAreNot) {
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    tape.append("for another");
    outbox.append(tape.append("[", i, "]"));
    expected += format("[", i, "]");
  }
  EXPECT_EQ(pieces(), 1U);
  tape.append("for another");
  const std::string large(5000, 'x');
  const std::string_view on_tape = tape.append(large);
  outbox.append(on_tape);
  EXPECT_EQ(content(), expected + large);
  Tape scratch;
  std::vector<std::string_view> gathered;
  outbox.gather(scratch, gathered);
  ASSERT_EQ(gathered.size(), 2U);
  EXPECT_EQ(gathered[1].data(), on_tape.data());
}

TEST_F(OutboxTest, WhatIsKeptNoLongerNeedsTheTape) {
  outbox.append(tape.append("one "));
  tape.append("gap");
  outbox.append(tape.append("two "));
  outbox.append(Slice(std::string("owned ")), false, store);
  outbox.append(tape.append("three"));
  outbox.keep(store);
  tape.rewind();
  tape.append(std::string(100, '#'));
  EXPECT_EQ(content(), "one two owned three");
  EXPECT_EQ(outbox.kept(), 19U);
  EXPECT_EQ(outbox.behind(), 13U);  // an owner's bytes are not a copy made for this client
  EXPECT_EQ(store.queued(), 19U);
  outbox.append(tape.append(" four"));
  EXPECT_EQ(content(), "one two owned three four");
}

TEST_F(OutboxTest, ATextOnItsWayDoesNotCountAsBehind) {
  outbox.append(Slice(std::string(1000, 'a')), true, store);
  EXPECT_EQ(outbox.behind(), 0U);
  outbox.append(Slice(std::string(500, 'b')), true, store);
  EXPECT_EQ(outbox.behind(), 500U);
  outbox.consume(1, store);
  EXPECT_EQ(outbox.behind(), 500U);
  outbox.consume(999, store);
  EXPECT_EQ(outbox.behind(), 0U);
}

TEST_F(OutboxTest, IsEmptyAgainWhenAllHasLeft) {
  outbox.append(tape.append(std::string(50000, 'x')));
  outbox.keep(store);
  outbox.append(Slice(std::string("s")), false, store);
  EXPECT_FALSE(outbox.empty());
  outbox.consume(50001, store);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(store.queued(), 0U);
  EXPECT_EQ(outbox.size(), 0U);
}

// Against a string, which does the same in the plainest way.
TEST_F(OutboxTest, BehavesAsAString) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::string model;
    for (int step = 0; step < 400; ++step) {
      const std::size_t size = random() % 7 == 0 ? random() % 40000 : 1 + random() % 60;
      const std::string bytes(size, static_cast<char>('a' + random() % 26));
      switch (random() % 6) {
        case 0:
        case 1:
          if (size == 0) break;
          outbox.append(tape.append(bytes));
          model += bytes;
          break;
        case 2:
          tape.append(bytes);
          break;
        case 3:
          outbox.append(Slice(bytes), random() % 2 == 0, store);
          model += bytes;
          break;
        case 4: {
          const std::size_t gone = model.empty() ? 0 : random() % model.size();
          outbox.consume(gone, store);
          model.erase(0, gone);
          break;
        }
        default:
          outbox.keep(store);
          tape.rewind();
          ASSERT_EQ(outbox.kept(), model.size());
          ASSERT_EQ(store.queued(), model.size());
      }
      ASSERT_EQ(outbox.size(), model.size());
    }
    ASSERT_EQ(content(), model);
    outbox.clear(store);
    ASSERT_TRUE(outbox.empty());
    ASSERT_EQ(store.queued(), 0U);
    tape.rewind();
  }
}

// Pieces of every kind go from one outbox to the next in parts of any size; nothing is lost, and all that was
// counted is given back.
TEST_F(OutboxTest, WhatIsMovedToAnotherKeepsItsOrderAndItsCounts) {
  std::minstd_rand random(7);
  Outbox below;
  Tape scratch;
  std::string expected;
  std::string sent;
  for (int round = 0; round < 400; ++round) {
    for (int i = 0; i < 3; ++i) {
      const std::string text(1 + random() % 3000, static_cast<char>('a' + random() % 26));
      expected += text;
      switch (random() % 3) {
        case 0:
          outbox.append(tape.append(text));
          break;
        case 1:
          outbox.append(Slice(text), true, store);
          break;
        default:
          outbox.append(Slice(text), false, store);
      }
    }
    const std::size_t most = random() % 8000;
    std::vector<std::string_view> shown;
    const std::size_t count = outbox.show(most, shown);
    EXPECT_LE(count, most);
    std::size_t in_pieces = 0;
    for (const std::string_view piece : shown) in_pieces += piece.size();
    EXPECT_EQ(in_pieces, count);
    outbox.move_to(below, count, scratch, store);
    if (random() % 2 == 0) {
      Outbox gathered;
      gathered.swap(below);
      std::vector<std::string_view> pieces;
      gathered.gather(scratch, pieces);
      for (const std::string_view piece : pieces) sent += piece;
      gathered.clear(store);
    }
    outbox.keep(store);
    below.keep(store);
    EXPECT_EQ(store.queued(), outbox.kept() + below.kept());
    tape.rewind();
    scratch.rewind();
  }
  for (Outbox* const left : {&below, &outbox}) {
    std::vector<std::string_view> pieces;
    left->gather(scratch, pieces);
    for (const std::string_view piece : pieces) sent += piece;
    left->clear(store);
  }
  EXPECT_EQ(sent, expected);
  EXPECT_EQ(store.queued(), 0U);
}

}  // namespace
}  // namespace parley
