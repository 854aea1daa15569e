#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/stream/as_result.h"
#include "parley/stream/child_process_fixture.h"
#include "parley/stream/error.h"
#include "parley/stream/semaphore.h"
#include "parley/stream/sleep.h"
#include "parley/stream/task_group.h"
#include "parley/stream/when.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using namespace testing_process;
using testing::HasSubstr;

class ChildProcessTest : public ChildProcessFixture {};
INSTANTIATE_TEST_SUITE_P(Over, ChildProcessTest, every_kind, kind_name);

TEST_P(ChildProcessTest, WhatIsWrittenComesBackBothWaysAtOnce) {
  play([]() -> Task<> {
    for (const std::size_t size : {0UL, 1UL, 4096UL, 65536UL, 65537UL, 1UL << 20, 5UL << 20}) {
      const Arguments arguments{"cat"};
      ChildProcess child = co_await create_subprocess_exec(arguments);
      const std::string text = numbers(size);
      auto both = when_all(write_all(child.input(), text), read_all(child.output()));
      const auto come = co_await std::move(both);
      EXPECT_TRUE(std::get<1>(come) == text) << size;
      const ProcessStatus status = co_await child.wait();
      EXPECT_TRUE(status.success()) << concat(status);
    }
  });
}

TEST_P(ChildProcessTest, CommunicateWritesAndReadsAll) {
  play([]() -> Task<> {
    ChildProcess child = co_await shell("tee /dev/stderr | cat; exit 4");
    const std::string text = numbers(3'000'000);
    const ProcessOutput all = co_await child.communicate(text);
    EXPECT_TRUE(all.output == text);
    EXPECT_TRUE(all.error == text);
    EXPECT_EQ(all.status.exit_code(), 4);
    EXPECT_FALSE(all.cut);
  });
}

TEST_P(ChildProcessTest, StdoutAndStderrAreApartAndArePipes) {
  play([]() -> Task<> {
    ChildProcess child =
        co_await shell("cat /dev/stdin; echo out; echo err >/dev/stderr");  // no socket can be
    const ProcessOutput all = co_await child.communicate("in ");
    EXPECT_EQ(all.output, "in out\n");
    EXPECT_EQ(all.error, "err\n");
    EXPECT_TRUE(all.status.success()) << concat(all.status);
    ChildProcess other =
        co_await create_subprocess_exec("printf", std::string("%s,"), std::string_view("a b"), "c");
    const ProcessOutput words = co_await other.communicate();
    EXPECT_EQ(words.output, "a b,c,");
  });
}

TEST_P(ChildProcessTest, WhatCannotBeStartedIsAnErrorAtOnce) {
  play([]() -> Task<> {
    for (const std::string missing : {"/no/such/program", "no-such-program-of-ours"}) {
      try {
        const Arguments arguments{missing};
        co_await create_subprocess_exec(arguments);
        ADD_FAILURE() << "it was started";
      } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_THAT(error.what(), HasSubstr(missing));
      }
    }
    bool refused = false;
    try {
      const Arguments none;
      co_await create_subprocess_exec(none);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
  });
}

TEST_P(ChildProcessTest, ClosingItsInputIsItsEndOfFile) {
  play([]() -> Task<> {
    const Arguments arguments{"wc", "-c"};
    ChildProcess closed = co_await create_subprocess_exec(arguments);
    co_await closed.input().write("12345");
    closed.input().close();
    const std::string five = co_await read_all(closed.output());
    EXPECT_THAT(five, HasSubstr("5"));
    ChildProcess moved = co_await create_subprocess_exec(arguments);
    {
      const Stream gone = std::move(moved.input());
    }
    const std::string nothing = co_await read_all(moved.output());
    EXPECT_THAT(nothing, HasSubstr("0"));
    const auto more = co_await as_result(closed.input().write("more"));
    EXPECT_FALSE(more);
    const auto read = co_await moved.input().read();
    EXPECT_FALSE(read) << "nothing is read of its stdin";
  });
}

TEST_P(ChildProcessTest, WhatItHasWrittenCanBeReadAfterItsExit) {
  play([]() -> Task<> {
    ChildProcess child = co_await shell("printf 'one\\ntwo'; echo err >&2; exit 5");
    const ProcessStatus status = co_await child.wait();
    EXPECT_EQ(status.exit_code(), 5);
    for (const std::string_view wanted : {"one", "two"}) {
      const auto line = co_await child.output().read_line();
      EXPECT_EQ(line, wanted);
    }
    const auto end = co_await child.output().read_line();
    EXPECT_FALSE(end);
    const std::string error = co_await read_all(child.error());
    EXPECT_EQ(error, "err\n");
  });
}

TEST_P(ChildProcessTest, WhatItsOwnChildrenWriteComesAfterItsExit) {
  play([]() -> Task<> {
    ChildProcess child = co_await shell("exec 3<&0; { cat <&3; echo late; } & exit 5");
    const ProcessStatus status = co_await child.wait();
    EXPECT_EQ(status.exit_code(), 5);
    co_await child.input().write("go ");
    child.input().close();
    const std::string late = co_await read_all(child.output());
    EXPECT_EQ(late, "go late\n");
  });
}

TEST_P(ChildProcessTest, OneThatReadsNoMoreIsAnErrorOfWritingAndNoneOfCommunicate) {
  play([]() -> Task<> {
    const std::string much(1 << 20, 'x');
    ChildProcess deaf = co_await shell("exec <&-; echo ready; read line </dev/stderr; sleep 60");
    const auto ready = co_await deaf.output().read_line();
    EXPECT_EQ(ready, "ready");
    bool broken = false;
    try {
      for (;;) co_await deaf.input().write(much);
    } catch (const SocketError& error) {
      broken = error.code() == std::errc::broken_pipe || error.code() == std::errc::connection_reset;
    }
    EXPECT_TRUE(broken);
    ChildProcess brief = co_await shell("head -c 3");
    const ProcessOutput all = co_await brief.communicate(much);
    EXPECT_EQ(all.output, "xxx");
    EXPECT_TRUE(all.status.success()) << concat(all.status);
  });
}

// The reactor gives connections that close 50 ms; the child takes longer.
TEST_P(ChildProcessTest, CommunicateGivesASlowChildAllOfItsInput) {
  ReactorSettings settings;
  settings.log = &log_;
  settings.limits.close_timeout = 50ms;
  Reactor reactor(GetParam(), settings);
  const auto body = []() -> Task<> {
    for (const std::size_t size : {200UL << 10, 240UL << 10, 270UL << 10, 400UL << 10}) {
      ChildProcess slow = co_await shell("sleep 0.3; wc -c");
      const ProcessOutput all = co_await slow.communicate(std::string(size, 'x'));
      EXPECT_EQ(all.output, concat(size, '\n'));
    }
  };
  run(reactor, body());
}

TEST_P(ChildProcessTest, CommunicateWhereATaskReadsWritesNothing) {
  play([]() -> Task<> {
    const Arguments arguments{"cat"};
    ChildProcess child = co_await create_subprocess_exec(arguments);
    const auto twice = [&child]() -> Task<> {
      co_await sleep(0ms);
      try {
        co_await child.communicate("lost");
        ADD_FAILURE() << "two read the same";
      } catch (const std::logic_error&) {
      }
      co_await child.input().write("kept");
      child.input().shutdown_write();
    };
    auto both = when_all(read_all(child.output()), twice());
    const auto come = co_await std::move(both);
    EXPECT_EQ(std::get<0>(come), "kept");
  });
}

TEST_P(ChildProcessTest, ACommunicateThatIsCancelledLetsItRunOn) {
  play([]() -> Task<> {
    ChildProcess child = co_await shell("sleep 600");
    const auto ended = co_await within(20ms, child.communicate());
    EXPECT_FALSE(ended);
    EXPECT_TRUE(is_there(child.pid()));
    EXPECT_FALSE(child.status());
  });
}

TEST_P(ChildProcessTest, CommunicateKeepsNoMoreThanItsLimit) {
  play([]() -> Task<> {
    ChildProcess just = co_await shell("printf 12345; printf 54321 >&2");
    const ProcessOutput five = co_await just.communicate("", 5);
    EXPECT_EQ(five.output, "12345");
    EXPECT_EQ(five.error, "54321");
    for (const std::string where : {"", " >&2"}) {
      ChildProcess endless = co_await shell("while :; do echo y; done" + where);
      try {
        co_await endless.communicate({}, 1000);
        ADD_FAILURE() << "it wrote no end";
      } catch (const LimitExceeded& error) {
        EXPECT_EQ(error.limit(), 1000U);
        EXPECT_THAT(error.what(), HasSubstr(where.empty() ? "stdout of /bin/sh" : "stderr of /bin/sh"));
      }
      const ProcessStatus status = co_await endless.wait();
      EXPECT_EQ(status.signal(), SIGKILL);
    }
  });
}

TEST_P(ChildProcessTest, OneThatNobodyReadsWaits) {
  play([]() -> Task<> {
    const Arguments arguments{"head", "-c", "4000000", "/dev/zero"};
    ChildProcess child = co_await create_subprocess_exec(arguments);
    const auto ended = co_await within(300ms, child.wait());
    EXPECT_FALSE(ended) << "somebody holds 4 MB";
    const std::string all = co_await read_all(child.output());
    EXPECT_EQ(all.size(), 4'000'000U);
    const ProcessStatus status = co_await child.wait();
    EXPECT_TRUE(status.success());
  });
}

TEST_P(ChildProcessTest, OneThatWritesToWhatIsClosedIsEnded) {
  play([]() -> Task<> {
    const Arguments arguments{"cat", "/dev/zero"};
    ChildProcess child = co_await create_subprocess_exec(arguments);
    co_await child.output().read();
    child.output().close();
    const ProcessStatus status = co_await child.wait();
    EXPECT_EQ(status.signal(), SIGPIPE);
  });
}

TEST_P(ChildProcessTest, ItMayMoveWhileATaskWaits) {
  play([]() -> Task<> {
    const Arguments arguments{"cat"};
    ChildProcess first = co_await create_subprocess_exec(arguments);
    std::vector<ChildProcess> kept;
    const auto move = [&]() -> Task<> {
      co_await sleep(0ms);
      kept.push_back(std::move(first));
      co_await kept.front().input().write("x\n");
      kept.front().input().close();
    };
    auto all = when_all(first.wait(), read_all(first.output()), move());
    const auto come = co_await std::move(all);
    EXPECT_TRUE(std::get<0>(come).success());
    EXPECT_EQ(std::get<1>(come), "x\n");
  });
}

TEST_P(ChildProcessTest, WhatIsNoPipeEndsAtOnce) {
  play([]() -> Task<> {
    SpawnSettings settings;
    settings.input = settings.error = ChildStream::null;
    settings.output = ChildStream::null;
    ChildProcess child = co_await shell("cat; echo unseen; echo unseen >&2", settings);
    const std::string out = co_await read_all(child.output());
    EXPECT_EQ(out, "");
    bool refused = false;
    try {
      co_await child.communicate("lost");
    } catch (const std::logic_error&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    const ProcessOutput all = co_await child.communicate();
    EXPECT_EQ(all.output, "");
    EXPECT_TRUE(all.status.success());
  });
}

TEST_P(ChildProcessTest, ManySideBySide) {
  play([]() -> Task<> {
    Semaphore places(20);
    int most = 0;
    int now = 0;
    int right = 0;
    const auto one = [&](int number) -> Task<> {
      const Permit place = co_await places.acquire();
      most = std::max(most, ++now);
      const Arguments arguments{"cat"};
      ChildProcess child = co_await create_subprocess_exec(arguments);
      const std::string text = concat(number, ' ', numbers(100'000));
      const ProcessOutput all = co_await child.communicate(text);
      right += all.output == text && all.status.success() ? 1 : 0;
      --now;
    };
    TaskGroup group;
    for (int i = 0; i < 60; ++i) group.spawn(one(i));
    co_await group.join();
    EXPECT_EQ(right, 60);
    EXPECT_EQ(most, 20);
  });
}

}  // namespace
}  // namespace parley
