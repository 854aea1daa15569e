#include "chat/wire/line/telnet.h"

#include <cstddef>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace chat {
namespace {

using namespace std::string_literals;

struct Result {
  std::string data;
  std::string answers;
  bool operator==(const Result&) const = default;
};

Result strip(TelnetFilter& filter, std::string lent) {
  parley::TextWriter answers;
  const std::span<char> data = filter.strip(lent, answers);
  return {std::string(data.data(), data.size()), std::string(answers.text())};
}

// Strips the input whole, in two pieces at every place, and byte by byte; all must come to the same.
Result strip_everywhere(const std::string& input) {
  TelnetFilter at_once;
  const Result whole = strip(at_once, input);
  for (std::size_t split = 0; split <= input.size(); ++split) {
    TelnetFilter filter;
    const Result one = strip(filter, input.substr(0, split));
    const Result two = strip(filter, input.substr(split));
    EXPECT_EQ(one.data + two.data, whole.data) << "split at " << split;
    EXPECT_EQ(one.answers + two.answers, whole.answers) << "split at " << split;
  }
  TelnetFilter slow;
  Result bytes;
  for (const char c : input) {
    const Result one = strip(slow, std::string(1, c));
    bytes.data += one.data;
    bytes.answers += one.answers;
  }
  EXPECT_EQ(bytes, whole);
  return whole;
}

TEST(TelnetFilterTest, PlainTextPasses) {
  EXPECT_EQ(strip_everywhere("hello\r\nworld\r\n"), (Result{"hello\r\nworld\r\n", ""}));
  EXPECT_EQ(strip_everywhere(""), (Result{"", ""}));
}

TEST(TelnetFilterTest, RequestsAreRefusedOnceEach) {
  // DO ECHO, WILL NAWS
  EXPECT_EQ(strip_everywhere("a\xff\xfd\x01"
                             "b\xff\xfb\x1f"
                             "c"),
            (Result{"abc", "\xff\xfc\x01\xff\xfe\x1f"}));
}

TEST(TelnetFilterTest, RefusalsGetNoAnswer) {
  EXPECT_EQ(strip_everywhere("a\xff\xfc\x01"
                             "b\xff\xfe\x1f"
                             "c"),
            (Result{"abc", ""}));
}

TEST(TelnetFilterTest, AnOptionMayLookLikeALineEndOrAnIac) {
  EXPECT_EQ(strip_everywhere("a\xff\xfd\n\xff\xfb\xff\n"), (Result{"a\n", "\xff\xfc\n\xff\xfe\xff"}));
}

TEST(TelnetFilterTest, SubnegotiationsGoWholeWithLineEndsAndDoubledIacs) {
  EXPECT_EQ(strip_everywhere("a\xff\xfa\x18\0one\r\ntwo\xff\xff three\xff\xf0"
                             "b\n"s),
            (Result{"ab\n", ""}));
  // SE is data to a subnegotiation unless an IAC stands before it.
  EXPECT_EQ(strip_everywhere("\xff\xfa\x18\xf0x\xff\xff\xf0y\xff\xf0z"), (Result{"z", ""}));
}

TEST(TelnetFilterTest, ACommandInsideASubnegotiationIsPartOfIt) {
  EXPECT_EQ(strip_everywhere("\xff\xfa\x18lost\xff\xfd\x01\xff\xf1\n\xff\xf0"
                             "found"),
            (Result{"found", ""}));
}

TEST(TelnetFilterTest, CommandsOfOneByteGo) {
  for (int command = 236; command <= 249; ++command) {
    if (command >= 246 && command <= 248) continue;  // AYT, EC and EL
    EXPECT_EQ(strip_everywhere("a\xff" + std::string(1, static_cast<char>(command)) + "b"),
              (Result{"ab", ""}))
        << command;
  }
}

// RFC 1123, section 3.3.1.
TEST(TelnetFilterTest, CrNulEndsALineAsCrLfDoes) {
  EXPECT_EQ(strip_everywhere("one\r\0two\r\nthree\r\0"s), (Result{"one\r\ntwo\r\nthree\r\n", ""}));
  EXPECT_EQ(strip_everywhere("\r\0\r\0"s), (Result{"\r\n\r\n", ""}));
  EXPECT_EQ(strip_everywhere("a\r\0\0b\r\n\0c\rd\0e"s), (Result{"a\r\n\0b\r\n\0c\rd\0e"s, ""}));
  EXPECT_EQ(strip_everywhere("\0a"s), (Result{"\0a"s, ""}));
}

TEST(TelnetFilterTest, ACommandMayStandWithinALinesEnd) {
  EXPECT_EQ(strip_everywhere("a\r\xff\xfd\x01\xff\xf1\0b"s), (Result{"a\r\nb", "\xff\xfc\x01"}));
  EXPECT_EQ(strip_everywhere("a\r\xff\xfa\0\0\xff\xf0\0b"s), (Result{"a\r\nb", ""}));
  EXPECT_EQ(strip_everywhere("a\r\xff\xff\0b\xff\r\0"s), (Result{"a\r\xff\0b\r\n"s, ""}));
  EXPECT_EQ(strip_everywhere("a\r\xff\0b"s), (Result{"a\r\nb", ""})) << "a lone IAC";
  EXPECT_EQ(strip_everywhere("a\r\xff\xf7\0b"s), (Result{"a\r\x7f\0b"s, ""})) << "the CR is erased";
}

TEST(TelnetFilterTest, EraseCharacterAndEraseLine) {
  EXPECT_EQ(strip_everywhere("ab\xff\xf7"
                             "c\xff\xf8"
                             "d"),
            (Result{"ab\x7f"
                    "c\x15"
                    "d",
                    ""}));
}

TEST(TelnetFilterTest, AreYouThereIsAnswered) {
  EXPECT_EQ(strip_everywhere("a\xff\xf6"
                             "b\xff\xf6"),
            (Result{"ab", "[Yes]\r\n[Yes]\r\n"}));
}

// IP, and a data mark, which is urgent: as `send synch` and Ctrl-C of a telnet have them.
TEST(TelnetFilterTest, ASynchLeavesNoTrace) {
  EXPECT_EQ(strip_everywhere("a\xff\xf4\xff\xf2"
                             "b\r\n"),
            (Result{"ab\r\n", ""}));
}

TEST(TelnetFilterTest, ADoubledIacIsDataAndALoneOneSwallowsNoLineEnd) {
  EXPECT_EQ(strip_everywhere("a\xff\xff"
                             "b"),
            (Result{"a\xff"
                    "b",
                    ""}));
  EXPECT_EQ(strip_everywhere("a\xff\nb\n"), (Result{"a\nb\n", ""}));
}

TEST(TelnetFilterTest, AnEndlessSubnegotiationIsKeptNowhere) {
  static_assert(sizeof(TelnetFilter) == 1);
  TelnetFilter filter;
  strip(filter, "\xff\xfa");
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(strip(filter, std::string(1000, 'x')), (Result{"", ""}));
  EXPECT_EQ(strip(filter, "\xff\xf0there"), (Result{"there", ""}));
}

}  // namespace
}  // namespace chat
