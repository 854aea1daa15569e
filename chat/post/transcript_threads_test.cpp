#include <chrono>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <utility>

#include "chat/post/transcript.h"
#include "parley/base/recording_log_fixture.h"

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(TranscriptTest, IsTheConversationAsOthersSeeIt) {
  std::string written;
  parley::RecordingLog log;
  AsyncWriter out([&](std::string_view lines) { return written += lines, lines.size(); }, 1 << 20);
  {
    Transcript transcript(out, log);
    transcript.put({{}, Joined{{}, "ann"}});
    transcript.put({{}, Said{{}, "ann", "hi"}});
    transcript.put({{}, Left{{}, "ann"}});
    EXPECT_EQ(transcript.dropped(), 0U);
  }
  EXPECT_TRUE(out.close(10s));
  EXPECT_EQ(written, "Client joined ann\r\n[ann] hi\r\nClient left ann\r\n");
  EXPECT_THAT(log.lines, IsEmpty());
}

TEST(TranscriptTest, WhatIsNotTakenIsCountedInTheLogEverMoreRarely) {
  std::promise<void> read;
  std::promise<void> stuck;
  parley::RecordingLog log;
  std::string written;
  AsyncWriter out(
      [&, first = true](std::string_view lines) mutable {
        if (std::exchange(first, false)) {
          stuck.set_value();
          read.get_future().wait();
        }
        return written += lines, lines.size();
      },
      20);
  {
    Transcript transcript(out, log);
    transcript.put({{}, Said{{}, "ann", "1"}});
    stuck.get_future().wait();
    transcript.put({{}, Said{{}, "ann", "2"}});
    for (int i = 0; i < 123; ++i) transcript.put({{}, Said{{}, "ann", "one that has no room"}});
    EXPECT_EQ(transcript.dropped(), 123U);
    EXPECT_EQ(log.lines.size(), 3U) << "1, 10, 100";
    EXPECT_EQ(log.lines.back(), "stdout does not take the conversation: 100 messages dropped so far");
  }
  EXPECT_EQ(log.lines.back(), "stdout does not take the conversation: 123 messages dropped so far");
  read.set_value();
  EXPECT_TRUE(out.close(10s));
  EXPECT_EQ(written, "[ann] 1\r\n[ann] 2\r\n");
}

TEST(TranscriptTest, ThatStdoutTakesItAgainIsSaidOnceThereIsRoom) {
  std::promise<void> full;
  std::promise<void> room;
  parley::RecordingLog log;
  std::string written;
  AsyncWriter out(
      [&, first = true](std::string_view lines) mutable {
        if (std::exchange(first, false)) {
          full.set_value();
          room.get_future().wait();
        }
        return written += lines, lines.size();
      },
      42);
  Transcript transcript(out, log);
  const Event said{{}, Said{{}, "ann", "0123456789"}};  // 18 bytes
  transcript.put(said);
  full.get_future().wait();
  for (int i = 0; i < 3; ++i) transcript.put(said);
  transcript.put({{}, Said{{}, "", ""}});
  EXPECT_THAT(log.lines, ElementsAre("stdout does not take the conversation: 1 messages dropped so far"))
      << "a short one has found room, which is no news";
  room.set_value();
  while (out.behind()) std::this_thread::yield();
  transcript.put(said);
  EXPECT_EQ(log.lines.back(), "stdout takes the conversation again; 1 messages were dropped in all");
  EXPECT_TRUE(out.close(10s));
}

}  // namespace
}  // namespace chat
