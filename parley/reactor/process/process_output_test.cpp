#include "parley/reactor/process_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "parley/reactor/process/process_fixture.h"

namespace parley {
namespace {

using testing::HasSubstr;
using testing_process::every_kind, testing_process::kind_name, testing_process::ProcessFixture;

class ProcessOutputTest : public ProcessFixture {
 protected:
  ProcessOutput run(const std::string& script, ProcessOutputSettings settings = {}) {
    std::optional<ProcessOutput> got;
    get_process_output(
        *reactor_, {"/bin/sh", "-c", script}, [&](ProcessOutput all) { got = std::move(all); },
        std::move(settings));
    EXPECT_FALSE(got) << "called from inside the call";
    EXPECT_TRUE(until([&] { return got.has_value(); }));
    return got ? std::move(*got) : ProcessOutput{{}, {}, ProcessStatus(ProcessStatus::Kind::unknown)};
  }
};
INSTANTIATE_TEST_SUITE_P(Over, ProcessOutputTest, every_kind, kind_name);

TEST_P(ProcessOutputTest, AllThatItWritesAndHowItEnds) {
  const ProcessOutput all = run("echo out; echo err >&2; exit 4");
  EXPECT_EQ(all.output, "out\n");
  EXPECT_EQ(all.error, "err\n");
  EXPECT_EQ(all.status.exit_code(), 4);
  EXPECT_FALSE(all.cut);
}

TEST_P(ProcessOutputTest, ItReadsWhatItIsGivenAndThenTheEnd) {
  EXPECT_EQ(run("cat").output, "");
  const std::string much(3'000'000, 'y');  // more than waits for a child otherwise
  EXPECT_EQ(run("cat", {.input = much}).output, much);
}

TEST_P(ProcessOutputTest, OneThatWritesTooMuchIsKilled) {
  const ProcessOutput all = run("while :; do echo y; done", {.most = 1000});
  EXPECT_TRUE(all.cut);
  EXPECT_EQ(all.output.size(), 1000U);
  EXPECT_EQ(all.status.signal(), SIGKILL);
  const ProcessOutput just = run("printf 12345", {.most = 5});
  EXPECT_FALSE(just.cut);
  EXPECT_EQ(just.output, "12345");
}

TEST_P(ProcessOutputTest, ItMayBeEndedEarlier) {
  std::optional<ProcessOutput> got;
  const Process process =
      get_process_output(*reactor_, {"sleep", "60"}, [&](ProcessOutput all) { got = all; });
  process.transport()->kill();
  ASSERT_TRUE(until([&] { return got.has_value(); }));
  EXPECT_EQ(got->status.signal(), SIGKILL);
}

TEST_P(ProcessOutputTest, AReactorThatStopsTellsWhatThereIs) {
  std::optional<ProcessOutput> got;
  const Process process = get_process_output(*reactor_, {"/bin/sh", "-c", "echo so far; sleep 60"},
                                             [&](ProcessOutput all) { got = std::move(all); });
  const int pid = process.transport()->pid();
  reactor_->call_later(std::chrono::milliseconds(300), [this] { reactor_->stop(); });
  reactor_->run();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status.kind(), ProcessStatus::Kind::left);
  ::kill(pid, SIGKILL);
}

TEST_P(ProcessOutputTest, WhatCannotBeStartedOrToldIsRefused) {
  EXPECT_THROW(get_process_output(*reactor_, {"true"}, nullptr), std::invalid_argument);
  EXPECT_THROW(get_process_output(*reactor_, {"/no/such/program"}, [](ProcessOutput) { ADD_FAILURE(); }),
               std::system_error);
}

}  // namespace
}  // namespace parley
