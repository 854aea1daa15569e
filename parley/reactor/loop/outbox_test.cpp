#include "parley/reactor/loop/outbox.h"

#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace parley {
namespace {

struct Fixture : ::testing::Test {
  std::string content() {
    std::vector<std::string_view> pieces;
    const std::size_t total = outbox.show(outbox.size(), pieces);
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

  void add_text(std::string_view text) { outbox.append_text({&text, 1}, 0, store); }

  // The store keeps one piece of memory, whose own part counts.
  static constexpr std::size_t first_unit = Pages::largest;

  Tape tape;
  BacklogStore store;
  Outbox outbox;
};

using OutboxTest = Fixture;

TEST_F(OutboxTest, WhatStandsSideBySideOnTheTapeIsOneSlice) {
  for (int i = 0; i < 60; ++i) outbox.append(tape.append("message ", i, "\r\n"));
  EXPECT_EQ(pieces(), 1U);
  EXPECT_EQ(outbox.held(), 0U);
}

TEST_F(OutboxTest, SmallPiecesAreGatheredAndLargeOnesAreNot) {
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    tape.append("for another");
    outbox.append(tape.append("[", i, "]"));
    expected += concat("[", i, "]");
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

// The scratch has blocks of its own: where one ends, a piece begins, and the others go on behind it.
TEST_F(OutboxTest, WhatIsGatheredOnTwoBlocksIsWhatWasWritten) {
  std::string expected;
  for (int i = 0; expected.size() < 3 * Tape::block_bytes; ++i) {
    outbox.append(tape.append("[", i, " ", std::string(static_cast<std::size_t>(i % 900), 'x'), "]"));
    tape.append("for another");
    expected += concat("[", i, " ", std::string(static_cast<std::size_t>(i % 900), 'x'), "]");
  }
  Tape scratch;
  std::vector<std::string_view> gathered;
  EXPECT_EQ(outbox.gather(scratch, gathered), expected.size());
  EXPECT_GE(gathered.size(), 3U);
  std::string sent;
  for (const std::string_view piece : gathered) sent += piece;
  EXPECT_EQ(sent, expected);
}

TEST_F(OutboxTest, WhatIsKeptNoLongerNeedsTheTape) {
  outbox.append(tape.append("one "));
  tape.append("gap");
  outbox.append(tape.append("two "));
  outbox.append(Slice(std::string("owned ")));
  outbox.append(tape.append("three"));
  outbox.keep(store);
  tape.rewind();
  tape.append(std::string(100, '#'));
  EXPECT_EQ(content(), "one two owned three");
  EXPECT_EQ(outbox.behind(), 13U);  // an owner's bytes are not a copy made for this client
  EXPECT_EQ(store.held(), first_unit + outbox.held() - 2 * Pages::smallest);  // its blocks stand in there
  outbox.append(tape.append(" four"));
  EXPECT_EQ(content(), "one two owned three four");
}

TEST_F(OutboxTest, ATextOnItsWayDoesNotCountAsBehind) {
  add_text(std::string(1000, 'a'));
  EXPECT_EQ(outbox.behind(), 0U);
  add_text(std::string(500, 'b'));
  EXPECT_EQ(outbox.behind(), 500U);
  outbox.consume(1, store);
  EXPECT_EQ(outbox.behind(), 500U);
  outbox.consume(999, store);
  EXPECT_EQ(outbox.behind(), 0U);
}

TEST_F(OutboxTest, IsEmptyAgainWhenAllHasLeft) {
  outbox.append(tape.append(std::string(50000, 'x')));
  outbox.keep(store);
  outbox.append(Slice(std::string("s")));
  EXPECT_FALSE(outbox.empty());
  outbox.consume(50001, store);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(store.held(), first_unit);
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
          if (random() % 2 == 0) {
            outbox.append(Slice(bytes));
          } else {
            add_text(bytes);
          }
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
          ASSERT_GE(outbox.held(), model.size());
      }
      ASSERT_EQ(outbox.size(), model.size());
    }
    ASSERT_EQ(content(), model);
    outbox.clear(store);
    ASSERT_TRUE(outbox.empty());
    ASSERT_LE(store.held(), first_unit);
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
          add_text(text);
          break;
        default:
          outbox.append(Slice(text));
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
      gathered.show(gathered.size(), pieces);
      for (const std::string_view piece : pieces) sent += piece;
      gathered.clear(store);
    }
    outbox.keep(store);
    below.keep(store);
    EXPECT_LE(outbox.size() + below.size(), outbox.held() + below.held());
    tape.rewind();
    scratch.rewind();
  }
  for (Outbox* const left : {&below, &outbox}) {
    std::vector<std::string_view> pieces;
    left->show(left->size(), pieces);
    for (const std::string_view piece : pieces) sent += piece;
    left->clear(store);
  }
  EXPECT_EQ(sent, expected);
  EXPECT_LE(store.held(), first_unit);
}

// What lags is counted as the memory that it takes, whatever its size.
TEST_F(OutboxTest, TheStoreCountsMemory) {
  std::vector<std::unique_ptr<Outbox>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<Outbox>());
    clients.back()->append(tape.append(std::string(100, 'x')));
    clients.back()->keep(store);
  }
  // A block of 1 KiB for each, in units of 16, and what it takes to remember it.
  EXPECT_GE(store.held(), 1000 * 1024U);
  EXPECT_LE(store.held(), 1000 * 1400U);
  std::size_t held = 0;
  for (const auto& client : clients) held += client->held();
  EXPECT_NEAR(static_cast<double>(held), static_cast<double>(store.held()), 40000);
  // Many small slices: to remember them is most of it.
  for (int i = 0; i < 1000; ++i) clients[0]->append(Slice(std::string(1, 'x')));
  clients[0]->keep(store);
  EXPECT_GE(clients[0]->held(), 40'000U);
  // Permanent bytes are nobody's memory.
  const std::size_t before = clients[1]->held();
  const std::string permanent(100'000, 'p');
  clients[1]->append(Slice::permanent(permanent));
  clients[1]->keep(store);
  EXPECT_LE(clients[1]->held(), before + 1000);
  for (const auto& client : clients) client->clear(store);
  EXPECT_LE(store.held(), first_unit);
}

TEST_F(OutboxTest, BlocksBeginSmallAndGrow) {
  std::string expected;
  std::size_t last = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string text = concat("message ", i, std::string(90, '.'));
    expected += text;
    outbox.append(tape.append(text));
    outbox.keep(store);
    if (i == 0) {
      EXPECT_LE(outbox.held(), 1400U);
    }
    last = outbox.held();
  }
  EXPECT_LE(last, expected.size() + 32U * 1024);
  EXPECT_EQ(content(), expected);
}

// Nothing is lost, and it can be tried again.
TEST_F(OutboxTest, NoMemoryForBlocksLeavesItAsItIs) {
  store.pages().set_limit(0);
  outbox.append(tape.append("one "));
  tape.append("gap");
  outbox.append(Slice(std::string("two ")));
  outbox.append(tape.append("three"));
  EXPECT_THROW(outbox.keep(store), std::bad_alloc);
  EXPECT_THROW(add_text("a text"), std::bad_alloc);
  EXPECT_EQ(content(), "one two three");
  store.pages().set_limit(Pages::no_limit);
  outbox.keep(store);
  tape.rewind();
  tape.append(std::string(100, '#'));
  EXPECT_EQ(content(), "one two three");
  outbox.clear(store);
  EXPECT_LE(store.held(), first_unit);
}

// A part of the way: what was copied stays so.
TEST_F(OutboxTest, NoMemoryInTheMiddleOfALongTape) {
  std::vector<char*> others;
  store.pages().set_limit(Pages::piece_bytes);
  for (int i = 0; i < 60; ++i) others.push_back(store.pages().take(Pages::largest));
  std::string expected;
  for (int i = 0; i < 5; ++i) {
    const std::string text(20'000, static_cast<char>('a' + i));
    expected += text + "slice";
    outbox.append(tape.append(text));
    tape.append("gap");
    outbox.append(Slice(std::string("slice")));
  }
  EXPECT_THROW(outbox.keep(store), std::bad_alloc);
  EXPECT_EQ(content(), expected);
  EXPECT_THROW(add_text(std::string(40'000, 't')), std::bad_alloc);
  EXPECT_EQ(content(), expected);
  for (char* const other : others) store.pages().give_back(other, Pages::largest);
  outbox.keep(store);
  tape.rewind();
  EXPECT_EQ(content(), expected);
  outbox.clear(store);
}

// What is partly sent is held whole.
TEST_F(OutboxTest, ASliceCountsUntilAllOfItHasLeft) {
  const std::size_t before = store.held();
  outbox.append(Slice(std::string(1'000'000, 's')));
  outbox.append(Slice(std::string(5000, 't')));
  outbox.keep(store);
  outbox.consume(999'000, store);
  EXPECT_GE(store.held(), before + 1'005'000);
  outbox.consume(999, store);
  EXPECT_GE(store.held(), before + 1'005'000);
  outbox.consume(1, store);
  EXPECT_LE(store.held(), before + 7000);
  outbox.consume(5000, store);
  EXPECT_EQ(store.held(), before);
}

// However much waits, one write looks at no more of it than it is worth.
TEST_F(OutboxTest, AWriteGathersNoMoreThanItIsWorth) {
  for (int i = 0; i < 20'000; ++i) outbox.append(Slice(std::string(100, 's')));
  Tape scratch;
  std::vector<std::string_view> gathered;
  const std::size_t small = outbox.gather(scratch, gathered);
  EXPECT_EQ(gathered.size(), 1 + small / Tape::block_bytes);
  EXPECT_LE(small, 256 * 1024 + 100U);
  outbox.consume(small, store);
  outbox.clear(store);
  for (int i = 0; i < 1000; ++i) outbox.append(Slice(std::string(2000, 'l')));
  gathered.clear();
  EXPECT_EQ(outbox.gather(scratch, gathered), 64 * 2000U);
}

TEST_F(OutboxTest, AFileStandsInItsPlaceAndIsNoMemory) {
  outbox.append(tape.append("before"));
  outbox.append(FilePart{OpenFile::borrow(0), 100, 5000});
  outbox.append(tape.append("after"));
  EXPECT_EQ(outbox.first_file(), nullptr);
  EXPECT_EQ(outbox.size(), 5011U);
  outbox.keep(store);
  EXPECT_LT(outbox.held(), 4000U);
  Tape scratch;
  std::vector<std::string_view> gathered;
  EXPECT_EQ(outbox.gather(scratch, gathered), 6U);
  outbox.consume(6, store);
  ASSERT_NE(outbox.first_file(), nullptr);
  outbox.consume(1000, store);
  EXPECT_EQ(outbox.first_file()->offset, 1100U);
  EXPECT_EQ(outbox.first_file()->count, 4000U);
  EXPECT_TRUE(outbox.has_file());
  outbox.consume(4000, store);
  EXPECT_FALSE(outbox.has_file());
  EXPECT_EQ(content(), "after");
}

}  // namespace
}  // namespace parley
