// What becomes of child processes when their reactor stops or goes.
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <system_error>

#include "parley/reactor/process/process_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_process::every_kind, testing_process::kind_name, testing_process::open_descriptors;
using testing_process::ProcessFixture, testing_process::Story;

using ProcessStopTest = ProcessFixture;
INSTANTIATE_TEST_SUITE_P(Over, ProcessStopTest, every_kind, kind_name);

TEST_P(ProcessStopTest, WhenTheReactorStopsTheChildRunsOn) {
  const std::size_t before = open_descriptors();
  Story story;
  Story spawned_late;
  story.at["ended"] = [&](ProcessTransport& child) {
    EXPECT_EQ(::kill(child.pid(), 0), 0);
    EXPECT_THROW(spawn(spawned_late, {"true"}), std::system_error);
  };
  const Process process = shell(story, "exec <&-; kill -STOP $$");
  const int pid = process.transport()->pid();
  ASSERT_TRUE(until([&] { return story.has("in ended"); }));
  run_out();
  EXPECT_TRUE(story.gone);
  EXPECT_THAT(story.told, ElementsAre("made", "in ended", "out ended", "err ended", "ended: left running"));
  EXPECT_EQ(open_descriptors(), before + 2) << "of the child that runs on, and to learn that it ends";
  ::kill(pid, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT),
            0);  // nobody has waited for it

  Story again;  // a reactor may run again
  spawn(again, {"true"});
  ASSERT_TRUE(until_gone(again));
  EXPECT_EQ(again.told.back(), "ended: exit status 0");
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "the one that was left is a zombie";
}

TEST_P(ProcessStopTest, OneThatWasLeftIsWaitedForWhenItEnds) {
  const std::size_t before = open_descriptors();
  Story story;
  const int pid = shell(story, "kill -STOP $$").transport()->pid();
  ASSERT_TRUE(until([&] { return story.has("made"); }));
  run_out();
  EXPECT_EQ(story.told.back(), "ended: left running");
  reactor_->turn(0ms);
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(until([&] { return ::kill(pid, 0) != 0; })) << "it is a zombie";
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(ProcessStopTest, OneThatWasLeftIsNoConcernOfAReactorThatGoes) {
  const std::size_t before = open_descriptors();
  Story story;
  const int pid = shell(story, "kill -STOP $$").transport()->pid();  // it does not end with its stdin
  ASSERT_TRUE(until([&] { return story.has("made"); }));
  run_out();
  EXPECT_EQ(story.told.back(), "ended: left running");
  reactor_.reset();
  end_left_child(pid);
  let_go_of_dropped();
  EXPECT_LT(open_descriptors(), before);
}

TEST_P(ProcessStopTest, AHoldWaitsForTheChild) {
  Story story;
  Process process = spawn(story, {"cat"});
  Hold held;
  story.at["ended"] = [&](ProcessTransport&) { held = Hold(); };
  reactor_->on_stop(Stopping::before, [&](Hold hold) {
    held = std::move(hold);
    process.transport()->close_stdin();
  });
  run_out();
  EXPECT_EQ(story.told.back(), "ended: exit status 0");
}

TEST_P(ProcessStopTest, OneThatIsSpawnedWhileTheReactorStopsHasAWholeLife) {
  Story story;
  reactor_->on_stop(Stopping::before, [&] { spawn(story, {"cat"}); });
  run_out();
  EXPECT_EQ(story.told.front(), "made");
  EXPECT_TRUE(story.told.back().starts_with("ended")) << story.told.back();
  EXPECT_TRUE(story.gone);
}

TEST_P(ProcessStopTest, AReactorThatGoesTellsNobody) {
  const std::size_t before = open_descriptors();
  Story story, never;
  spawn(story, {"cat"});
  ASSERT_TRUE(until([&] { return story.has("made"); }));
  spawn(never, {"cat"});
  reactor_.reset();
  EXPECT_THAT(story.told, ElementsAre("made"));
  EXPECT_TRUE(story.gone);
  EXPECT_TRUE(never.told.empty());
  EXPECT_TRUE(never.gone);
  let_go_of_dropped();
  EXPECT_LT(open_descriptors(), before);
}

}  // namespace
}  // namespace parley
