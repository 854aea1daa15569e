#include "parley/stream/child_process.h"

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/reactor/process/process_fixture.h"
#include "parley/stream/as_result.h"
#include "parley/stream/deadline.h"
#include "parley/stream/error.h"
#include "parley/stream/run.h"
#include "parley/stream/semaphore.h"
#include "parley/stream/sleep.h"
#include "parley/stream/spawn.h"
#include "parley/stream/task_group.h"
#include "parley/stream/when.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing_process::every_kind, testing_process::kind_name, testing_process::open_descriptors;

using Arguments = std::vector<std::string>;

bool is_there(int pid) {
  return ::kill(pid, 0) == 0;  // a zombie is
}

Task<ChildProcess> shell(std::string script, SpawnSettings settings = SpawnSettings()) {
  const Arguments arguments{"/bin/sh", "-c", std::move(script)};
  return create_subprocess_exec(arguments, std::move(settings));
}

Task<std::string> read_all(Stream& stream) {
  std::string all;
  while (const auto bytes = co_await stream.read()) all += *bytes;
  co_return all;
}

Task<> write_all(Stream& stream, std::string_view bytes) {
  co_await stream.write(bytes.substr(0, bytes.size() / 2));
  co_await stream.write(bytes.substr(bytes.size() / 2));
  stream.shutdown_write();
}

std::string numbers(std::size_t size) {
  static const std::string text = [] {
    std::string made;
    for (int i = 0; made.size() < 5UL << 20; ++i) made += std::to_string(i) + ' ';
    return made;
  }();
  return text.substr(0, size);
}

// After each, no child is left, no zombie, no descriptor.
class ChildProcessTest : public testing::TestWithParam<Reactor::Kind> {
 protected:
  ChildProcessTest()
      : reactor_(GetParam(), {.log = &log_}), descriptors_((let_go_of_dropped(), open_descriptors())) {}
  ~ChildProcessTest() override {
    EXPECT_TRUE(until([] { return ::waitpid(-1, nullptr, WNOHANG | WNOWAIT) == -1; })) << "a child is left";
    EXPECT_TRUE(until([this] { return open_descriptors() == descriptors_; }))
        << open_descriptors() << " descriptors, and " << descriptors_ << " before";
    EXPECT_THAT(log_.lines, testing::IsEmpty());
  }

  template <class Play>
  void play(Play play) {
    const auto in_time = [&play]() -> Task<> { co_await with_timeout(60s, play()); };
    run(reactor_, in_time());
  }
  // Turns until it is so.
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_.turn(20ms);
    }
    return true;
  }

  testing_process::Quiet log_;
  Reactor reactor_;
  std::size_t descriptors_;
};
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

TEST_P(ChildProcessTest, HowItEndsIsSaid) {
  play([]() -> Task<> {
    ChildProcess child = co_await shell("read line; exit $line");
    EXPECT_TRUE(is_there(child.pid()));
    EXPECT_FALSE(child.status());
    co_await child.input().write("3\n");
    const ProcessStatus status = co_await child.wait();
    EXPECT_EQ(status.exit_code(), 3);
    EXPECT_EQ(child.status(), status);
    EXPECT_FALSE(child.terminate()) << "the number may be somebody else's by now";
    EXPECT_FALSE(child.kill());
    EXPECT_EQ(child.transport(), nullptr);
    EXPECT_GT(child.pid(), 0);
  });
}

TEST_P(ChildProcessTest, ASignalEndsIt) {
  play([]() -> Task<> {
    for (const int number : {SIGTERM, SIGKILL, SIGHUP}) {
      ChildProcess child = co_await create_subprocess_exec("cat");
      EXPECT_TRUE(number == SIGTERM   ? child.terminate()
                  : number == SIGKILL ? child.kill()
                                      : child.send_signal(Signal::hangup));
      const ProcessStatus status = co_await child.wait();
      EXPECT_EQ(status.signal(), number);
    }
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

TEST_P(ChildProcessTest, AWaitThatIsCancelledLosesNothing) {
  play([]() -> Task<> {
    const Arguments arguments{"cat"};
    ChildProcess child = co_await create_subprocess_exec(arguments);
    const auto early = co_await within(1ms, child.wait());
    EXPECT_FALSE(early);
    EXPECT_TRUE(is_there(child.pid()));
    child.input().close();
    auto twice = when_all(child.wait(), child.wait());
    const auto both = co_await std::move(twice);
    EXPECT_TRUE(std::get<0>(both).success());
    EXPECT_TRUE(std::get<1>(both).success());
  });
}

TEST_P(ChildProcessTest, ATaskThatIsCancelledOrDroppedKillsItsChild) {
  for (const bool dropped : {false, true}) {
    int pid = 0;
    const auto hold = [&pid]() -> Task<> {
      const Arguments arguments{"cat"};
      ChildProcess child = co_await create_subprocess_exec(arguments);
      pid = child.pid();
      co_await child.wait();
    };
    {
      Running<> running = spawn(reactor_, hold());
      ASSERT_TRUE(until([&] { return pid != 0; }));
      reactor_.turn(0ms);
      EXPECT_TRUE(is_there(pid));
      if (!dropped) {
        running.cancel();
        ASSERT_TRUE(until([&] { return running.done(); }));
        EXPECT_THROW(running.get(), Cancelled);
      }
    }
    EXPECT_TRUE(until([&] { return !is_there(pid); })) << "it runs, or is a zombie";
  }
}

TEST_P(ChildProcessTest, OneThatGoesKillsTheChildAndAllOfItsGroup) {
  int pid = 0;
  int its_own = 0;
  play([&]() -> Task<> {
    SpawnSettings settings;
    settings.new_session = true;
    ChildProcess child = co_await shell("trap '' TERM; sleep 600 & echo $!; wait", settings);
    const auto line = co_await child.output().read_line();
    pid = child.pid();
    its_own = std::stoi(std::string(*line));
    EXPECT_TRUE(is_there(its_own));
  });
  EXPECT_TRUE(until([&] { return !is_there(pid); })) << "it runs, or is a zombie";
  // Whoever has inherited that one waits for it, in its own time.
  EXPECT_TRUE(until([&] {
    std::ifstream stat(concat("/proc/", its_own, "/stat"));
    std::string text;
    return !std::getline(stat, text) || text.find(") Z") != std::string::npos;
  }));
}

TEST_P(ChildProcessTest, WhoWaitsWhenItGoesIsToldHowItEnds) {
  play([]() -> Task<> {
    const Arguments arguments{"cat"};
    std::optional<ChildProcess> child = co_await create_subprocess_exec(arguments);
    const auto drop = [&child]() -> Task<> {
      co_await sleep(0ms);
      child.reset();
    };
    auto all = when_all(child->wait(), drop());
    const auto come = co_await std::move(all);
    EXPECT_EQ(std::get<0>(come).signal(), SIGKILL);
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

TEST_P(ChildProcessTest, AReactorThatStopsWaitsForOneThatWasKilled) {
  int pid = 0;
  play([&pid]() -> Task<> {
    const Arguments arguments{"cat"};
    const ChildProcess child = co_await create_subprocess_exec(arguments);
    pid = child.pid();
  });
  reactor_.stop();
  reactor_.run();
  EXPECT_FALSE(is_there(pid)) << "it is a zombie";
}

TEST_P(ChildProcessTest, WhereTheReactorStopsFirstTheChildIsLeft) {
  std::optional<ProcessStatus> status;
  int pid = 0;
  const auto hold = [&]() -> Task<> {
    const Arguments arguments{"sleep", "600"};
    ChildProcess child = co_await create_subprocess_exec(arguments);
    pid = child.pid();
    const ProcessOutput all = co_await child.communicate();
    status = all.status;
  };
  Running<> running = spawn(reactor_, hold());
  ASSERT_TRUE(until([&] { return pid != 0; }));
  reactor_.stop();
  reactor_.run();
  ASSERT_TRUE(until([&] { return running.done(); }));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->kind(), ProcessStatus::Kind::left);
  EXPECT_TRUE(is_there(pid));
  ::kill(pid, SIGKILL);
}

TEST(ChildProcessOfAReactor, ThatGoesIsKilledAndTellsNobody) {
  let_go_of_dropped();
  const std::size_t before = open_descriptors();
  int pid = 0;
  {
    Reactor reactor;
    const auto hold = [&pid]() -> Task<> {
      const Arguments arguments{"cat"};
      ChildProcess child = co_await create_subprocess_exec(arguments);
      pid = child.pid();
      co_await child.wait();
      ADD_FAILURE() << "told";
    };
    const Running<> running = spawn(reactor, hold());
    while (pid == 0) reactor.turn(20ms);
  }
  let_go_of_dropped();
  EXPECT_FALSE(is_there(pid));
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace parley
