#include "chat/wire/line/clean.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace chat {
namespace {

using namespace std::string_literals;

std::string cleaned(std::string_view text) {
  std::string scratch;
  return std::string(clean(text, scratch));
}

TEST(CleanTest, WhatNeedsNothingIsAnsweredAsItIs) {
  const std::string long_line(4096, 'x');
  for (const std::string_view text :
       {std::string_view("nothing").substr(7), std::string_view("hello\tworld ~"),
        std::string_view(long_line),
        std::string_view(
            "你好, Wörld \xf0\x9f\x98\x80 \xc2\xa0 \xf4\x8f\xbf\xbf \xed\x9f\xbf \xee\x80\x80")}) {
    std::string scratch;
    const std::string_view same = clean(text, scratch);
    EXPECT_EQ(same.data(), text.data());
    EXPECT_EQ(same.size(), text.size());
    EXPECT_EQ(scratch.capacity(), std::string().capacity()) << "nothing was copied";
  }
}

TEST(CleanTest, ControlsGoAndTabStays) {
  std::string every;
  for (int c = 0; c < 0x20; ++c) every += static_cast<char>(c);
  EXPECT_EQ(cleaned("a" + every + "\x7f" + "b"), "a\tb");
  std::string c1;
  for (int c = 0x80; c < 0xa0; ++c) c1 += "\xc2"s + static_cast<char>(c);
  EXPECT_EQ(cleaned("a" + c1 + "\xc2\xa0" + "b"),
            "a\xc2\xa0"
            "b");
  EXPECT_EQ(cleaned("\x1b[31mred"), "[31mred");
}

TEST(CleanTest, APlaceInTheMiddleOfALongLineIsFound) {
  for (std::size_t at = 0; at < 100; ++at) {
    std::string line(100, 'x');
    line[at] = '\x01';
    EXPECT_EQ(cleaned(line), std::string(99, 'x')) << at;
    line[at] = '\x80';
    EXPECT_EQ(cleaned(line), std::string(at, 'x') + "�" + std::string(99 - at, 'x')) << at;
  }
}

// The examples of Unicode 15, tables 3-8 to 3-11.
TEST(CleanTest, OneReplacementForEachMaximalSubpart) {
  EXPECT_EQ(cleaned("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), "��������A");
  EXPECT_EQ(cleaned("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), "��������A");
  EXPECT_EQ(cleaned("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), "�����A��B");
  EXPECT_EQ(cleaned("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "����A");
}

TEST(CleanTest, ACharacterThatTheLineCutsOffIsReplaced) {
  EXPECT_EQ(cleaned("a\xc3"), "a�");
  EXPECT_EQ(cleaned("a\xe4\xbd"), "a�");
  EXPECT_EQ(cleaned("a\xf0\x9f\x98"), "a�");
}

TEST(CleanTest, WhatIsRemovedJoinsNothing) {
  EXPECT_EQ(cleaned("\xc3\x01\xa9"s), "��");
}

TEST(CleanTest, TheScratchIsUsedAgain) {
  std::string scratch;
  EXPECT_EQ(clean("first\x01 line, a long one", scratch), "first line, a long one");
  EXPECT_EQ(clean("\x02two", scratch), "two");
}

}  // namespace
}  // namespace chat
