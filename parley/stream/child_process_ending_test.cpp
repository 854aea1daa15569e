// How children end, and what becomes of them when who started them does.

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <string>

#include "parley/stream/child_process_fixture.h"
#include "parley/stream/listener.h"
#include "parley/stream/sleep.h"
#include "parley/stream/spawn.h"
#include "parley/stream/when.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using namespace testing_process;

class ChildProcessEnding : public ChildProcessFixture {};
INSTANTIATE_TEST_SUITE_P(Over, ChildProcessEnding, every_kind, kind_name);

TEST_P(ChildProcessEnding, HowItEndsIsSaid) {
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

TEST_P(ChildProcessEnding, ASignalEndsIt) {
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

TEST_P(ChildProcessEnding, OneThatIsGivenAnotherOnesPlaceIsKilled) {
  play([]() -> Task<> {
    const Arguments arguments{"cat"};
    ChildProcess first = co_await create_subprocess_exec(arguments);
    ChildProcess second = co_await create_subprocess_exec(arguments);
    const int gone = first.pid();
    const int stays = second.pid();
    first = std::move(second);
    EXPECT_EQ(first.pid(), stays);
    while (is_there(gone)) co_await sleep(1ms);
    EXPECT_TRUE(is_there(stays));
    first.input().close();
    const ProcessStatus status = co_await first.wait();
    EXPECT_TRUE(status.success());
  });
}

TEST_P(ChildProcessEnding, AWaitThatIsCancelledLosesNothing) {
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

TEST_P(ChildProcessEnding, ATaskThatIsCancelledOrDroppedKillsItsChild) {
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

TEST_P(ChildProcessEnding, OneThatGoesKillsTheChildAndAllOfItsGroup) {
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

TEST_P(ChildProcessEnding, WhoWaitsWhenItGoesIsToldHowItEnds) {
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

TEST_P(ChildProcessEnding, AReactorThatStopsWaitsForOneThatWasKilled) {
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

TEST_P(ChildProcessEnding, AReactorThatStopsKillsThoseThatRun) {
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
  EXPECT_FALSE(is_there(pid)) << "it runs, or is a zombie";
  ASSERT_TRUE(until([&] { return running.done(); }));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal(), SIGKILL);
}

// The task is told that the reactor stops, and its child goes with it.
TEST_P(ChildProcessEnding, AReactorThatStopsWaitsForOneThatGoesBecauseOfThat) {
  int pid = 0;
  const auto hold = [&pid]() -> Task<> {
    const Arguments arguments{"sleep", "600"};
    ChildProcess child = co_await create_subprocess_exec(arguments);
    Listener listener(Address("127.0.0.1", 0));
    pid = child.pid();
    co_await listener.accept();
  };
  Running<> running = spawn(reactor_, hold());
  ASSERT_TRUE(until([&] { return pid != 0; }));
  reactor_.stop();
  reactor_.run();
  EXPECT_FALSE(is_there(pid)) << "it runs, or is a zombie";
  ASSERT_TRUE(until([&] { return running.done(); }));
  EXPECT_THROW(running.get(), SocketError);
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
