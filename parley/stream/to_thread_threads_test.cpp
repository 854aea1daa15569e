// What blocks, in a thread, awaited; and tasks that another thread begins, waits for and cancels.
#include <atomic>
#include <csignal>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "parley/stream/deadline.h"
#include "parley/stream/run.h"
#include "parley/stream/signals.h"
#include "parley/stream/sleep.h"
#include "parley/stream/spawn.h"
#include "parley/stream/spawn_from_thread.h"
#include "parley/stream/to_thread.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

TEST(ToThreadTest, AnswersWhatTheThreadAnswersOrThrows) {
  Reactor reactor;
  const auto body = []() -> Task<> {
    const std::thread::id here = std::this_thread::get_id();
    const auto there = [] { return std::make_unique<std::thread::id>(std::this_thread::get_id()); };
    const std::unique_ptr<std::thread::id> id = co_await to_thread(there);
    EXPECT_NE(*id, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
    bool done = false;
    const auto nothing = [&done] { done = true; };
    co_await to_thread(nothing);
    EXPECT_TRUE(done);
    const auto fails = [] { throw std::runtime_error("failed"); };
    std::string said;
    try {
      co_await to_thread(fails);
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    EXPECT_EQ(said, "failed");
  };
  run(reactor, body());
}

// The thread refers to the task's locals.
TEST(ToThreadTest, ATaskThatIsCancelledWaitsForItsThread) {
  Reactor reactor;
  std::promise<void> go_on;
  std::shared_future<void> gone_on = go_on.get_future().share();
  std::string order;
  const auto body = [&]() -> Task<> {
    std::string local = "a";
    const auto work = [&] {
      gone_on.wait();
      local += "b";
      return local;
    };
    const bool in_time = (co_await within(1ms, to_thread(work))).has_value();
    EXPECT_TRUE(in_time) << "it had its answer";
    order += local;
    co_await sleep(0s);
    order += "c";
  };
  Running<> running = spawn(reactor, body());
  for (int i = 0; i < 5; ++i) reactor.turn(2ms);
  running.cancel();
  reactor.turn(2ms);
  EXPECT_FALSE(running.done());
  go_on.set_value();
  while (!running.done()) reactor.turn(10ms);
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(order, "ab");
}

TEST(ToThreadTest, CancelledBeforeItNeverBegins) {
  Reactor reactor;
  std::atomic<bool> begun = false;
  const auto body = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
    }
    const auto work = [&] { begun = true; };
    co_await to_thread(work);
  };
  Running<> running = spawn(reactor, body());
  reactor.turn(0s);
  running.cancel();
  while (!running.done()) reactor.turn(10ms);
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_FALSE(begun);
}

TEST(ToThreadTest, ATaskThatIsDroppedIsNotToldOfItsThread) {
  Reactor reactor;
  std::promise<void> go_on;
  const auto gone_on = std::make_shared<std::future<void>>(go_on.get_future());
  const auto body = [gone_on]() -> Task<> {
    const auto work = [gone_on] { gone_on->wait(); };
    co_await to_thread(work);
    ADD_FAILURE();
  };
  {
    const Running<> running = spawn(reactor, body());
    reactor.turn(0s);
    reactor.turn(0s);
  }
  go_on.set_value();
  reactor.stop();
  reactor.run();
}

// A reactor that runs on a thread of its own.
class Elsewhere {
 public:
  Elsewhere() : thread_([this] { work(); }) { reactor = made_.get_future().get(); }
  ~Elsewhere() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    reactor->stop();
    thread_.join();
  }

  Reactor* reactor = nullptr;

 private:
  void work() {
    Reactor own;
    made_.set_value(&own);
    own.run();
  }

  std::promise<Reactor*> made_;
  std::thread thread_;
};

Task<int> answer(int value, Duration after) {
  co_await sleep(after);
  if (value < 0) throw std::runtime_error("negative");
  co_return value;
}
Task<> for_ever(std::promise<void>& begun, std::string& reason) {
  begun.set_value();
  try {
    co_await sleep(24h);
  } catch (const Cancelled& cancelled) {
    reason = cancelled.reason();
    throw;
  }
}

TEST(SpawnFromThreadTest, AnswersAndThrowsOnTheOtherThread) {
  Elsewhere elsewhere;
  RemoteTask<int> seven = spawn_from_thread(*elsewhere.reactor, answer(7, 1ms));
  RemoteTask<int> fails = spawn_from_thread(*elsewhere.reactor, answer(-1, 1ms));
  EXPECT_EQ(seven.get(), 7);
  EXPECT_THROW(fails.get(), std::runtime_error);
}

TEST(SpawnFromThreadTest, IsCancelledFromTheOtherThreadWithAReason) {
  Elsewhere elsewhere;
  std::promise<void> begun;
  std::string reason;
  RemoteTask<void> running = spawn_from_thread(*elsewhere.reactor, for_ever(begun, reason));
  begun.get_future().wait();
  EXPECT_FALSE(running.wait_for(0s));
  running.cancel("enough");
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(reason, "enough");
  running.cancel("too late");
}

TEST(SpawnFromThreadTest, IsCancelledWhenItsReactorStopsAndWaitedFor) {
  std::promise<void> begun;
  std::string reason;
  Elsewhere elsewhere;
  RemoteTask<void> running = spawn_from_thread(*elsewhere.reactor, for_ever(begun, reason));
  begun.get_future().wait();
  EXPECT_FALSE(running.wait_for(0s));
  elsewhere.stop();
  EXPECT_TRUE(running.wait_for(0s));
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(reason, "the reactor stops");
}

TEST(SpawnFromThreadTest, AReactorThatGoesWithoutHavingRunBreaksIt) {
  std::optional<RemoteTask<int>> never, begun;
  {
    Reactor reactor;
    begun = spawn_from_thread(reactor, answer(1, 1h));
    for (int i = 0; i < 3; ++i) reactor.turn(0s);
    never = spawn_from_thread(reactor, answer(1, 0s));
  }
  EXPECT_THROW(begun->get(), std::future_error);
  EXPECT_THROW(never->get(), std::future_error);
}

TEST(SpawnFromThreadTest, IsNotWaitedForInACallback) {
  Reactor reactor;
  RemoteTask<int> running = spawn_from_thread(reactor, answer(1, 0s));
  bool refused = false;
  reactor.call_later(0s, [&] {
    EXPECT_THROW((void)running.get(), std::logic_error);
    EXPECT_THROW((void)running.wait_for(0s), std::logic_error);
    refused = true;
  });
  while (!running.wait_for(0s)) reactor.turn(1ms);
  reactor.turn(0s);
  EXPECT_TRUE(refused);
  EXPECT_EQ(running.get(), 1);
}

TEST(SignalReceiverTest, AnswersWhatHasComeEachOnceAlsoWhileNobodyWaited) {
  Reactor reactor;
  const auto body = []() -> Task<> {
    SignalReceiver signals({Signal::user1, Signal::user2});
    const auto nothing = co_await within(1ms, signals.receive());
    EXPECT_FALSE(nothing);
    std::raise(SIGUSR2);
    co_await sleep(5ms);
    std::raise(SIGUSR2);
    std::raise(SIGUSR1);
    co_await sleep(5ms);
    EXPECT_EQ(co_await signals.receive(), Signal::user2);
    EXPECT_EQ(co_await signals.receive(), Signal::user1);
    const auto no_more = co_await within(5ms, signals.receive());
    EXPECT_FALSE(no_more);
    std::raise(SIGUSR1);
    EXPECT_EQ(co_await signals.receive(), Signal::user1);
  };
  run(reactor, body());
}

}  // namespace
}  // namespace parley
