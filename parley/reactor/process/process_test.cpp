#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "parley/process/after_fork_fixture.h"
#include "parley/reactor/process/process_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_process::every_kind, testing_process::kind_name, testing_process::open_descriptors;
using testing_process::ProcessFixture, testing_process::Story;

using ProcessTest = ProcessFixture;
INSTANTIATE_TEST_SUITE_P(Over, ProcessTest, every_kind, kind_name);

TEST_P(ProcessTest, TellsWhatTheChildWritesAndHowItEnds) {
  Story story;
  story.at["made"] = [](ProcessTransport& child) {
    child.write("hello ");
    child.write("world");
    child.close_stdin();
    child.write("never");
  };
  const Process process = shell(story, "cat; echo oops >&2; exit 3");
  EXPECT_TRUE(story.told.empty()) << "spawning called back";
  ASSERT_NE(process.transport(), nullptr);
  EXPECT_GT(process.transport()->pid(), 0);
  ASSERT_TRUE(until_gone(story));
  EXPECT_EQ(story.out, "hello world");
  EXPECT_EQ(story.err, "oops\n");
  EXPECT_EQ(story.told.front(), "made");
  EXPECT_THAT(story.told, testing::UnorderedElementsAre("made", "in ended", "out ended", "err ended",
                                                        "exited: exit status 3", "ended: exit status 3"));
  EXPECT_EQ(story.told.back(), "ended: exit status 3");
  EXPECT_EQ(process.transport(), nullptr);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was not waited for";
}

TEST_P(ProcessTest, ASignalIsSaid) {
  for (const bool kill : {false, true}) {
    Story story;
    story.at["made"] = [&](ProcessTransport& child) {
      EXPECT_TRUE(kill ? child.kill() : child.signal(Signal::terminate));
    };
    story.at["exited"] = [](ProcessTransport& child) {
      EXPECT_FALSE(child.kill()) << "the number may be somebody else's by now";
      EXPECT_FALSE(child.signal(Signal::terminate));
    };
    spawn(story, {"cat"});
    ASSERT_TRUE(until_gone(story));
    EXPECT_EQ(story.told.back(), kill ? "ended: SIGKILL" : "ended: SIGTERM");
    EXPECT_TRUE(story.has(kill ? "exited: SIGKILL" : "exited: SIGTERM"));
  }
}

TEST_P(ProcessTest, WhatNobodyCanTellIsNoSuccess) {
  Story story;
  story.at["made"] = [](ProcessTransport& child) {
    child.close_stdin();
    EXPECT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());  // somebody else
  };
  shell(story, "cat; exit 3");
  ASSERT_TRUE(until_gone(story));
  EXPECT_TRUE(story.has("exited: exit status unknown"));
  EXPECT_EQ(story.told.back(), "ended: exit status unknown");

  const auto before = std::signal(SIGCHLD, SIG_IGN);
  Story ignored;
  spawn(ignored, {"false"});
  EXPECT_TRUE(until_gone(ignored));
  std::signal(SIGCHLD, before);
  EXPECT_EQ(ignored.told.back(), "ended: exit status unknown");
}

TEST_P(ProcessTest, AChildThatIsGoneBeforeItsDescriptorIsTakenEndsAllTheSame) {
  Story story;
  {
    const AfterFork somebody([](pid_t pid) {
      ::kill(pid, SIGKILL);
      EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
    });
    spawn(story, {"cat"});
  }
  ASSERT_TRUE(until_gone(story));
  EXPECT_EQ(story.told.front(), "made");
  EXPECT_EQ(story.told.back(), "ended: exit status unknown");
  EXPECT_TRUE(log_.lines.empty());
}

TEST_P(ProcessTest, MegabytesGoThroughUnchangedWithBackPressure) {
  std::string text;
  for (int i = 0; text.size() < 4 * 1024 * 1024; ++i) text += concat(i, ' ');
  std::size_t sent = 0;
  std::size_t most = 0;
  bool paused = false;
  const auto feed = [&](ProcessTransport& child) {
    while (sent < text.size() && child.queued() < 230'000) {
      child.write(std::string_view(text).substr(sent, 10'000));
      sent += std::min<std::size_t>(10'000, text.size() - sent);
      most = std::max(most, child.queued());
    }
    if (sent == text.size()) child.close_stdin();
  };
  Story story;
  story.at["made"] = feed;
  story.at["pause"] = [&](ProcessTransport& child) {
    EXPECT_GT(child.queued(), 64U * 1024);
    EXPECT_FALSE(std::exchange(paused, true));
  };
  story.at["resume"] = [&](ProcessTransport& child) {
    EXPECT_LE(child.queued(), 16U * 1024);
    EXPECT_TRUE(std::exchange(paused, false));
    feed(child);
  };
  spawn(story, {"cat"});
  ASSERT_TRUE(until_gone(story));
  EXPECT_TRUE(story.out == text);
  EXPECT_LE(most, 240'000U);
  EXPECT_LE(story.most_at_once, 64U * 1024);
  EXPECT_TRUE(story.has("pause"));
  EXPECT_FALSE(paused);
}

TEST_P(ProcessTest, WhatWaitsForAChildThatDoesNotReadIsBounded) {
  Story story;
  story.at["made"] = [](ProcessTransport& child) {
    child.write(std::string(1000, 'x'));
    EXPECT_THROW(child.write("y"), std::length_error);
    EXPECT_EQ(child.queued(), 1000U);
    child.kill();
  };
  spawn(story, {"cat"}, {.stdin_bytes = 1000});
  ASSERT_TRUE(until_gone(story));
  Story other;
  try {
    shell(other, "exit", {.stdin_bytes = 10}).transport()->write("01234567890");
    ADD_FAILURE() << "it took eleven";
  } catch (const std::length_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/bin/sh: 11 bytes more than the 0 that wait already"));
    EXPECT_THAT(error.what(), HasSubstr("SpawnSettings::stdin_bytes"));
  }
  ASSERT_TRUE(until_gone(other));
}

TEST_P(ProcessTest, AChildThatClosesItsStdinIsNoticedAndSaysWhatWasNotRead) {
  Story story;
  std::size_t left = 0;
  story.at["made"] = [](ProcessTransport& child) { child.write(std::string(500'000, 'x')); };
  story.at["in ended"] = [&](ProcessTransport& child) {
    left = child.queued();
    child.write("more");
    child.close_stdin();
    EXPECT_EQ(child.queued(), left);
  };
  const Process busy = shell(story, "exec <&-; kill -STOP $$");
  ASSERT_TRUE(until([&] { return story.has("in ended"); }));
  EXPECT_GT(left, 100'000U);
  EXPECT_FALSE(story.has("out ended"));
  Story idle;  // and where nothing at all was written
  const Process process = shell(idle, "exec <&-; kill -STOP $$");
  ASSERT_TRUE(until([&] { return idle.has("in ended"); }));
  process.transport()->kill();
  busy.transport()->kill();
  ASSERT_TRUE(until_gone(idle));
  ASSERT_TRUE(until_gone(story));
}

TEST_P(ProcessTest, PausingHoldsTheOutputBack) {
  Story story;
  bool resumed = false;
  story.at["out"] = [](ProcessTransport& child) {
    child.pause_reading();
    EXPECT_FALSE(child.reading());
    child.write("go on\n");
  };
  const Process process = shell(story, "echo one; read line; echo two; echo err >&2");
  ASSERT_TRUE(until([&] { return story.has("exited: exit status 0"); }));
  for (int i = 0; i < 3; ++i) reactor_->turn(0ms);
  EXPECT_EQ(story.out, "one\n");  // though all has been written
  EXPECT_EQ(story.err, "");
  EXPECT_FALSE(story.has("out ended"));
  story.at["out"] = [&](ProcessTransport& child) {  // and a resume in the middle of a call
    child.pause_reading();
    child.resume_reading();
    resumed = true;
  };
  process.transport()->resume_reading();
  ASSERT_TRUE(until_gone(story));
  EXPECT_TRUE(resumed);
  EXPECT_EQ(story.out, "one\ntwo\n");
  EXPECT_EQ(story.err, "err\n");
}

TEST_P(ProcessTest, WhatItsOwnChildrenWriteComesAfterItsExit) {
  Story story;
  std::string at_exit = "unset";
  story.at["made"] = [](ProcessTransport& child) { child.write("go"); };
  story.at["exited"] = [&](ProcessTransport& child) {
    at_exit = story.out;
    child.close_stdin();
  };
  // The grandchild reads until the end of its stdin, which comes after the exit.
  shell(story, "exec 3<&0; { cat <&3; echo late; } & exit 5");
  ASSERT_TRUE(until_gone(story));
  EXPECT_EQ(story.out, "golate\n");
  EXPECT_THAT(at_exit, Not(HasSubstr("late")));
  EXPECT_EQ(story.told.back(), "ended: exit status 5");
}

TEST_P(ProcessTest, LosingTheConnectionClosesAllThree) {
  Story story;
  story.at["made"] = [](ProcessTransport& child) {
    child.write("x");
    child.lose_connection();
  };
  const int pid = shell(story, "read x; kill -STOP $$").transport()->pid();  // ends nothing
  ASSERT_TRUE(until([&] { return story.told.size() == 4; }));
  EXPECT_THAT(story.told, ElementsAre("made", "out ended", "err ended", "in ended"));
  run_out();
  EXPECT_EQ(story.told.back(), "ended: left running");
  end_left_child(pid);
}

TEST_P(ProcessTest, WithoutPipesOnlyTheEndIsTold) {
  Story story;
  spawn(story, {"true"},
        {.input = ChildStream::null, .output = ChildStream::null, .error = ChildStream::inherit});
  ASSERT_TRUE(until_gone(story));
  EXPECT_THAT(story.told, ElementsAre("made", "exited: exit status 0", "ended: exit status 0"));
}

TEST_P(ProcessTest, AnExceptionKillsTheChildAndNobodyElse) {
  for (const std::string where : {"made", "out", "in ended"}) {
    Story story, other;
    story.at[where] = [](ProcessTransport&) { throw std::runtime_error("oh no"); };
    const Process beside = spawn(other, {"cat"});
    shell(story, "exec <&-; echo out; kill -STOP $$");
    ASSERT_TRUE(until_gone(story)) << where;
    EXPECT_EQ(story.told.back(), "ended: SIGKILL");
    EXPECT_THAT(log_.lines, Contains(HasSubstr("oh no")));
    EXPECT_NE(beside.transport(), nullptr);
    beside.transport()->close_stdin();
    ASSERT_TRUE(until_gone(other));
  }
}

TEST_P(ProcessTest, WhatCannotStartIsSaidAtOnce) {
  Story story;
  EXPECT_THROW(spawn(story, {"/no/such/program"}), std::system_error);
  EXPECT_TRUE(story.gone);
  EXPECT_TRUE(story.told.empty());
  EXPECT_THROW(spawn_process(*reactor_, nullptr, {"true"}), std::invalid_argument);
}

TEST_P(ProcessTest, ManyAtOnceLeaveNothingOpen) {
  const std::size_t before = open_descriptors();
  std::deque<Story> stories(30);
  for (Story& story : stories) {
    story.at["made"] = [](ProcessTransport& child) {
      child.write("text");
      child.close_stdin();
    };
    spawn(story, {"cat"});
  }
  for (const Story& story : stories) {
    ASSERT_TRUE(until_gone(story));
    EXPECT_EQ(story.out, "text");
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(ProcessStatusTest, PrintsAndCompares) {
  using Kind = ProcessStatus::Kind;
  EXPECT_EQ(concat(ProcessStatus(Kind::exited, 0)), "exit status 0");
  EXPECT_EQ(concat(ProcessStatus(Kind::signaled, SIGSEGV)), "SIGSEGV");
  EXPECT_EQ(concat(ProcessStatus(Kind::left)), "left running");
  EXPECT_EQ(concat(ProcessStatus(Kind::unknown)), "exit status unknown");
  EXPECT_FALSE(ProcessStatus(Kind::unknown).success());
  EXPECT_EQ(ProcessStatus(Kind::unknown).exit_code(), -1);
  EXPECT_EQ(ProcessStatus(Kind::unknown).signal(), 0);
  EXPECT_TRUE(ProcessStatus(Kind::exited, 0).success());
  EXPECT_FALSE(ProcessStatus(Kind::exited, 1).success());
  EXPECT_FALSE(ProcessStatus(Kind::signaled, 9).success());
  EXPECT_EQ(ProcessStatus(Kind::signaled, 9).exit_code(), -1);
  EXPECT_EQ(ProcessStatus(Kind::exited, 9).signal(), 0);
  EXPECT_FALSE(ProcessStatus(Kind::exited, 9) == ProcessStatus(Kind::signaled, 9));
}

// The shell has started another program, which lives as long as it holds the pipe.
TEST_P(ProcessTest, ASignalReachesTheWholeGroup) {
  for (const bool kill : {false, true}) {
    Story story;
    story.at["out"] = [&](ProcessTransport& child) {
      EXPECT_TRUE(kill ? child.kill_group() : child.signal_group(Signal::terminate));
    };
    story.at["exited"] = [](ProcessTransport& child) {
      EXPECT_FALSE(child.signal_group(Signal::terminate)) << "it has ended";
      EXPECT_FALSE(child.kill_group());
    };
    shell(story, "sleep 60 & echo started; wait; wait; sleep 60", {.new_session = true});
    ASSERT_TRUE(until_gone(story)) << "somebody is left";
    EXPECT_EQ(story.told.back(), kill ? "ended: SIGKILL" : "ended: SIGTERM");
  }
}

TEST_P(ProcessTest, OurOwnGroupIsNotHit) {
  Story story;
  int refused = 0;
  story.at["made"] = [&](ProcessTransport& child) {
    EXPECT_THROW(child.signal_group(Signal::terminate), std::logic_error);
    EXPECT_THROW(child.kill_group(), std::logic_error);
    ++refused;
    child.lose_connection();
  };
  shell(story, "cat");
  ASSERT_TRUE(until_gone(story));
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace parley
