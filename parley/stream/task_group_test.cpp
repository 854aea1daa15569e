// Groups that end: whoever joins one must come to an end too, whatever its tasks do meanwhile.

#include "parley/stream/task_group.h"

#include <functional>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

class TaskGroupTest : public testing_stream::StreamFixture {
 protected:
  // Turns until the task is done, but not for ever.
  bool ends(const Running<>& running) {
    for (int i = 0; i < 100 && !running.done(); ++i) reactor.turn(1s);
    return running.done();
  }
};

Task<> for_ever() {
  const Alive alive;
  co_await sleep(24h * 365);
}

// Cancelled, it begins another one like itself, as a task does that is restarted by whoever watches over it.
Task<> returns(TaskGroup& group, int& begun) {
  ++begun;
  try {
    co_await sleep(24h * 365);
  } catch (const Cancelled&) {
    group.spawn(returns(group, begun));
    throw;
  }
}

TEST_F(TaskGroupTest, ADeadlineAroundJoinEndsAlthoughATaskSpawnsWhenItIsCancelled) {
  int begun = 0;
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    group.spawn(returns(group, begun));
    const bool in_time = co_await within(1s, group.join());
    EXPECT_FALSE(in_time);
    EXPECT_EQ(group.size(), 0U);
    EXPECT_EQ(begun, 1) << "in a group that ends nobody begins";
    group.spawn(for_ever());  // and afterwards it is used as before
    co_await sleep(1s);
    EXPECT_EQ(Alive::count, 1);
  };
  Running<> running = spawn(reactor, body());
  ASSERT_TRUE(ends(running));
  running.get();
}

TEST_F(TaskGroupTest, SoDoesAJoinThatIsCancelledWhereATaskSpawnsLater) {
  int begun = 0;
  const auto slow = [&](TaskGroup& group) -> Task<> {
    try {
      co_await sleep(24h * 365);
    } catch (const Cancelled&) {
      group.spawn(returns(group, begun));
      throw;
    }
  };
  const auto outer = [&](TaskGroup& group) -> Task<> {
    TaskGroup inner;  // takes a turn more to end
    inner.spawn(slow(group));
    co_await inner.join();
  };
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    group.spawn(outer(group));
    co_await group.join();
  };
  Running<> running = spawn(reactor, body());
  turns(3);
  running.cancel();
  ASSERT_TRUE(ends(running));
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(begun, 0);
}

TEST_F(TaskGroupTest, OneThatIsCancelledBeforeItJoinsEndsToo) {
  int begun = 0;
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    group.spawn(returns(group, begun));
    try {
      co_await sleep(24h);
    } catch (const Cancelled&) {
    }
    co_await group.join();
  };
  Running<> running = spawn(reactor, body());
  turns(3);
  running.cancel();
  ASSERT_TRUE(ends(running));
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(begun, 1);
}

TEST_F(TaskGroupTest, AGroupThatFailsEndsAlthoughATaskSpawns) {
  int begun = 0;
  const auto fails = []() -> Task<> {
    co_await sleep(1s);
    throw std::runtime_error("failed");
  };
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    group.spawn(returns(group, begun));
    group.spawn(fails());
    co_await group.join();
  };
  Running<> running = spawn(reactor, body());
  ASSERT_TRUE(ends(running));
  EXPECT_THROW(running.get(), std::runtime_error);
  EXPECT_EQ(begun, 1);
}

// As a server's accepting does, which is not of the group.
TEST_F(TaskGroupTest, SomebodyElseWhoSpawnsInEveryTurnDoesNotKeepItFromEnding) {
  TaskGroup group(reactor);
  int spawned = 0;
  std::function<void()> spawns = [&] {
    if (++spawned > 90) return;
    group.spawn(for_ever());
    reactor.call_later(0s, spawns);
  };
  spawns();
  int after = 0;
  const auto body = [&]() -> Task<> {
    const bool in_time = co_await within(0s, group.join());
    EXPECT_FALSE(in_time);
    EXPECT_EQ(group.size(), 0U);
    after = spawned;
  };
  const Running<> running = spawn(reactor, body());
  turns(20);
  EXPECT_TRUE(running.done());
  EXPECT_LT(after, 20);
  EXPECT_LE(spawned, 21);
  spawned = 100;
  turns(1);
}

TEST_F(TaskGroupTest, OneThatComesAfterTheLastHasEndedIsWaitedForToo) {
  TaskGroup group(reactor);
  const auto last = []() -> Task<> { co_await sleep(1s); };
  const auto body = [&]() -> Task<> { co_await group.join(); };
  group.spawn(last());
  Running<> running = spawn(reactor, body());
  turns(2);
  // In the turn in which the last one ends, whoever joins is woken for the next.
  reactor.call_later(1s, [&] { group.spawn(for_ever()); });
  clock.advance(1s);
  turns(10);
  EXPECT_FALSE(running.done());
  EXPECT_EQ(group.size(), 1U);
  running.cancel();
  ASSERT_TRUE(ends(running));
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, OneTaskAtATimeJoins) {
  TaskGroup group(reactor);
  group.spawn(for_ever());
  const auto body = [&]() -> Task<> { co_await group.join(); };
  Running<> first = spawn(reactor, body());
  Running<> second = spawn(reactor, body());
  turns(2);
  ASSERT_TRUE(second.done());
  EXPECT_THROW(second.get(), std::logic_error);
  first.cancel();
  ASSERT_TRUE(ends(first));
}

TEST_F(TaskGroupTest, AServersJoinThatIsCancelledTakesNobodyInAnyMore) {
  int served = 0;
  const auto handler = [&](Stream peer) -> Task<> {
    const Alive alive;
    ++served;
    try {
      (void)co_await peer.read();
    } catch (const Cancelled&) {
      network.connect(700);  // the port is open still
      throw;
    }
  };
  StreamServer server(reactor, handler);
  ListeningPort port = reactor.listen_tcp({"127.0.0.1", 700}, server.factory());
  network.connect(700);
  turns(3);
  ASSERT_EQ(served, 1);
  const auto body = [&]() -> Task<> {
    const bool in_time = co_await within(1s, server.join());
    EXPECT_FALSE(in_time);
    EXPECT_EQ(server.size(), 0U);
  };
  Running<> running = spawn(reactor, body());
  ASSERT_TRUE(ends(running));
  running.get();
  turns(5);
  network.connect(700);
  turns(3);
  EXPECT_GE(served, 2) << "and afterwards it serves as before";
  port.stop_listening();
  server.cancel();
  turns(3);
}

}  // namespace
}  // namespace parley
