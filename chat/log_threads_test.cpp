#include <chrono>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "chat/log.h"
#include "parley/base/recording_log_fixture.h"

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

TEST(ProgramLogTest, SaysWhatIsOfItsLevelALineEach) {
  std::string written;
  AsyncWriter out([&](std::string_view lines) { return written += lines, lines.size(); }, 1 << 20);
  ProgramLog log(out, parley::Level::info);
  log.write(parley::Level::debug, "not this");
  log.write(parley::Level::info, "but this");
  log.write(parley::Level::warn, "and {} as it is");
  log.write(parley::Level::error, "what\nothers\x1b[1m chose\xc2\x9b");
  log.set_level(parley::Level::error);
  log.write(parley::Level::warn, "not this either");
  EXPECT_TRUE(out.close(10s));
  EXPECT_THAT(written, MatchesRegex("[0-9T:.+-]+ info: but this\n"
                                    "[0-9T:.+-]+ warning: and \\{\\} as it is\n"
                                    "[0-9T:.+-]+ error: what others \\[1m chose\n"));
}

TEST(ProgramLogTest, WhatIsNotTakenIsCounted) {
  std::promise<void> read;
  std::promise<void> stuck;
  std::promise<void> taken;
  std::string written;
  AsyncWriter out(
      [&, calls = 0](std::string_view lines) mutable {
        if (++calls == 1) {
          stuck.set_value();
          read.get_future().wait();
        }
        written += lines;
        if (calls == 2) taken.set_value();
        return lines.size();
      },
      100);
  ProgramLog log(out, parley::Level::info);
  log.write(parley::Level::info, "one");
  stuck.get_future().wait();
  log.write(parley::Level::info, "two");
  log.write(parley::Level::info, std::string(200, 'x'));
  log.write(parley::Level::info,
            "what was dropped is to be told before this one, and for that there is no room");
  read.set_value();
  taken.get_future().wait();
  log.write(parley::Level::info, "three");
  EXPECT_TRUE(out.close(10s));
  EXPECT_THAT(written,
              MatchesRegex(".* one\n.* two\n\\(2 lines of the log were dropped here\\)\n.* three\n"));
  EXPECT_THAT(written, Not(HasSubstr("xxx")));
}

TEST(OneLineTest, DoesNothingToATerminal) {
  EXPECT_EQ(one_line("as it is, \xc3\xa9"), "as it is, \xc3\xa9");
  EXPECT_EQ(one_line("\x1b]0;title\x07 a\r\nb\x7f\xc2\x9b\x33\x31m\x9b"), " ]0;title  a  b 31m\xef\xbf\xbd");
}

TEST(LimitedLogTest, WhatStrangersCauseIsLimitedInTimeAndCounted) {
  parley::RecordingLog kept;
  parley::ManualClock clock;
  {
    LimitedLog log(kept, clock);
    for (std::uint32_t i = 0; i < LimitedLog::most + 5; ++i) log.write(parley::Level::info, "a stranger");
    ASSERT_EQ(kept.lines.size(), LimitedLog::most + 1);
    EXPECT_THAT(kept.lines.back(), HasSubstr("left out"));
    log.write(parley::Level::error, "of another level");
    EXPECT_EQ(kept.lines.back(), "of another level");
    clock.advance(LimitedLog::period);
    log.write(parley::Level::info, "later");
    ASSERT_EQ(kept.lines.size(), LimitedLog::most + 4);
    EXPECT_EQ(kept.lines[LimitedLog::most + 2], "5 lines of this level were left out");
    EXPECT_EQ(kept.levels[LimitedLog::most + 2], parley::Level::info);
    EXPECT_EQ(kept.lines.back(), "later");
    for (std::uint32_t i = 0; i < LimitedLog::most; ++i) log.write(parley::Level::info, "a stranger");
  }
  EXPECT_EQ(kept.lines.back(), "1 lines of this level were left out");
}

}  // namespace
}  // namespace chat
