#include "parley/base/tape.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace parley {
namespace {

TEST(Tape, AMessageBeginsWhereTheLastOneEnded) {
  Tape tape;
  const std::string_view first = tape.append("[", 1, "] ", "hello");
  const std::string_view second = tape.append("world");
  EXPECT_EQ(first, "[1] hello");
  EXPECT_EQ(second, "world");
  EXPECT_EQ(first.data() + first.size(), second.data());
  EXPECT_EQ(tape.held(), 14U);
}

TEST(Tape, NothingMovesWhenABlockIsFull) {
  Tape tape;
  std::vector<std::string_view> written;
  for (int i = 0; i < 5000; ++i) written.push_back(tape.append(i, ':', std::string(60, 'x')));
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(written[static_cast<std::size_t>(i)], std::to_string(i) + ':' + std::string(60, 'x'));
  }
}

TEST(Tape, AMessageLongerThanABlockIsContiguous) {
  Tape tape;
  tape.append("before");
  const std::string large(3 * Tape::block_bytes, 'y');
  EXPECT_EQ(tape.append("<", large, ">"), "<" + large + ">");
  tape.rewind();
  EXPECT_EQ(tape.held(), 0U);
  EXPECT_EQ(tape.append("after"), "after");
}

TEST(Tape, RewindUsesTheSameMemoryAgain) {
  Tape tape;
  const char* const place = tape.append("one").data();
  tape.rewind();
  EXPECT_EQ(tape.append("two").data(), place);
}

TEST(Tape, WhatWasGivenAwayStaysValid) {
  Tape tape;
  const std::string_view kept = tape.append("kept");
  Tape::Blocks blocks;
  tape.give_away(blocks);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_NE(tape.append("other").data(), kept.data());
  EXPECT_EQ(kept, "kept");
}

struct Thrower {};
void print(Writer& out, const Thrower&) {
  out.put("half");
  throw std::runtime_error("no");
}

TEST(Tape, APrintThatThrowsLeavesNothing) {
  Tape tape;
  const std::string_view first = tape.append("first");
  EXPECT_THROW(tape.append("x", Thrower{}), std::runtime_error);
  const std::string_view second = tape.append("second");
  EXPECT_EQ(second, "second");
  EXPECT_EQ(first.data() + first.size(), second.data());
}

}  // namespace
}  // namespace parley
