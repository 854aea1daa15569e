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
  for (int c = 0; c < 0x20; ++c) {
    if (c != erases_character_too && c != erases_line) every += static_cast<char>(c);
  }
  EXPECT_EQ(cleaned("a" + every + "b"), "a\tb");
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

TEST(CleanTest, TheLineIsEdited) {
  EXPECT_EQ(cleaned("helxx\x7f\x08lo"), "hello");
  EXPECT_EQ(cleaned("\x7f\x7f\x08start"), "start");
  EXPECT_EQ(cleaned("ab\x7f\x7f\x7f\x7f"), "");
  EXPECT_EQ(cleaned("all of this\x15no"), "no");
  EXPECT_EQ(cleaned("\x15\x7f"), "");
  EXPECT_EQ(cleaned("a\t\x7f\x62"), "ab");
}

TEST(CleanTest, WhatIsErasedIsACharacterThatOneSees) {
  EXPECT_EQ(cleaned("你好é😀\x7f\x7f\x7f"), "你");
  EXPECT_EQ(cleaned("a\xff\xff\x7f"), "a�") << "of what is no text, one replacement";
  EXPECT_EQ(cleaned("ab\u200b\u202e\x7f"), "a") << "what has gone cannot be erased";
  EXPECT_EQ(cleaned("x❤\ufe0f\x7f"), "x") << "with its selector";
  EXPECT_EQ(cleaned("x👩\u200d👧\x7f"), "x👩\u200d");
  EXPECT_EQ(cleaned("x👩\u200d👧\x7f\x7f"), "x");
}

TEST(CleanTest, WhatIsNotSeenGoes) {
  for (const std::string_view unseen :
       {"\u00ad",     "\u034f",     "\u061c",     "\u115f",     "\u1160",     "\u17b4",     "\u180e",
        "\u200b",     "\u200c",     "\u200d",     "\u200e",     "\u200f",     "\u2028",     "\u2029",
        "\u202a",     "\u202b",     "\u202c",     "\u202d",     "\u202e",     "\u2060",     "\u2064",
        "\u2066",     "\u2067",     "\u2068",     "\u2069",     "\u206a",     "\u206f",     "\u3164",
        "\ufe00",     "\ufe0f",     "\ufeff",     "\uffa0",     "\ufff0",     "\ufff9",     "\ufffb",
        "\U0001bca0", "\U0001d173", "\U000e0001", "\U000e0041", "\U000e007f", "\U000e0100", "\U000e0fff"}) {
    EXPECT_EQ(cleaned("a" + std::string(unseen) + "b" + std::string(unseen)), "ab") << unseen;
    EXPECT_EQ(cleaned(unseen), "");
  }
  EXPECT_EQ(cleaned("\u202eevil\u202c"), "evil");
}

TEST(CleanTest, WhatStandsNextToThemStays) {
  for (const std::string_view seen :
       {"\u00ac", "\u00ae", "\u034e",     "\u0350",     "\u061b",     "\u200a",     "\u2010",
        "\u2027", "\u202f", "\u205f",     "\u2070",     "\u3163",     "\ufdff",     "\ufe10",
        "\ufffc", "\ufffd", "\U0001bca4", "\U0001d172", "\U0001d17b", "\U000dffff", "\U000e1000"}) {
    EXPECT_EQ(cleaned(seen), seen);
  }
}

// Without these, people cannot write their language, or their emoji.
TEST(CleanTest, JoinersAndSelectorsStayWhereTheyAreNeeded) {
  for (const std::string_view text :
       {"می\u200cخواهم", "ه\u200d.ش", "क्\u200dष", "ක්\u200dෂ", "ക്\u200d", "👩\u200d👩\u200d👧\u200d👦",
        "❤\ufe0f\u200d🔥", "🏳\ufe0f\u200d🌈", "👩🏽\u200d🚀", "1\ufe0f\u20e3 #\ufe0f\u20e3",
        "©\ufe0f ☺\ufe0e", "葛\U000e0100", "ᠠ\u180b ᠠ\u180eᠠ"}) {
    EXPECT_EQ(cleaned(text), text);
  }
}

TEST(CleanTest, OneJoinerOrSelectorBehindACharacter) {
  EXPECT_EQ(cleaned("می\u200c\u200c\u200dخ"), "می\u200cخ");
  EXPECT_EQ(cleaned("☺\ufe0f\ufe0f\ufe0e"), "☺\ufe0f");
  EXPECT_EQ(cleaned("葛\U000e0100\U000e0101"), "葛\U000e0100");
  EXPECT_EQ(cleaned("م\u202e\u200c"), "م\u200c") << "behind what is left";
  EXPECT_EQ(cleaned("мир\u200dто\u200c你\u200dה\u200d"), "мирто你ה");
  EXPECT_EQ(cleaned("م x\x7f\x7f\u200c"), "م\u200c");
}

TEST(CleanTest, WhatIsRemovedJoinsNothing) {
  EXPECT_EQ(cleaned("\xc3\x01\xa9"s), "��");
}

TEST(CleanTest, TheScratchIsUsedAgain) {
  std::string scratch;
  EXPECT_EQ(clean("first\x01 line, a long one", scratch), "first line, a long one");
  EXPECT_EQ(clean("\x02two", scratch), "two");
  EXPECT_EQ(clean("\u200dthree\x01", scratch), "three");
}

}  // namespace
}  // namespace chat
