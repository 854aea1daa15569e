#include <chrono>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "chat/log.h"

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

TEST(ProgramLogTest, SaysWhatIsOfItsLevelALineEach) {
  std::string written;
  AsyncWriter out([&](std::string_view lines) { return written += lines, true; }, 1 << 20);
  ProgramLog log(out, parley::Level::info);
  log.write(parley::Level::debug, "not this");
  log.write(parley::Level::info, "but this");
  log.write(parley::Level::warn, "and {} as it is");
  log.write(parley::Level::error, "what\nothers\x1b[1m chose");
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
        return true;
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

}  // namespace
}  // namespace chat
