#include "chat/config/value.h"

#include <chrono>
#include <gtest/gtest.h>

namespace chat {
namespace {

using namespace std::chrono_literals;

TEST(ValueTest, SizesAreBytesOrHaveAUnit) {
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("4096"), 4096);
  EXPECT_EQ(parse_size("64KiB"), 65536);
  EXPECT_EQ(parse_size("1MiB"), 1 << 20);
  EXPECT_EQ(parse_size("3GiB"), 3LL << 30);
  for (const char* wrong :
       {"", "KiB", "64 KiB", "64kb", "64K", "-1", "1.5MiB", "9999999999GiB", "0x10", "1KiBx"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(ValueTest, TimesAreSecondsOrHaveAUnit) {
  EXPECT_EQ(parse_time("0ms"), 0ms);
  EXPECT_EQ(parse_time("2"), 2s);
  EXPECT_EQ(parse_time("10ms"), 10ms);
  EXPECT_EQ(parse_time("30s"), 30s);
  EXPECT_EQ(parse_time("5m"), 5min);
  EXPECT_EQ(parse_time("1h"), 1h);
  EXPECT_EQ(seconds(30), 30s);
  for (const char* wrong : {"", "ms", "10 ms", "10us", "-1s", "1.5s", "999999999999", "inf", "1d"}) {
    EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(seconds(-1), std::nullopt);
  EXPECT_EQ(seconds(1LL << 60), std::nullopt);
}

TEST(ValueTest, AreWrittenAsOneWouldWriteThem) {
  EXPECT_EQ(size_text(1 << 20), "1MiB");
  EXPECT_EQ(size_text(65536), "64KiB");
  EXPECT_EQ(size_text(1000), "1000");
  EXPECT_EQ(size_text(0), "0");
  EXPECT_EQ(time_text(0ms), "0ms");
  EXPECT_EQ(time_text(1s), "1s");
  EXPECT_EQ(time_text(1500ms), "1500ms");
  EXPECT_EQ(time_text(10min), "10m");
}

}  // namespace
}  // namespace chat
