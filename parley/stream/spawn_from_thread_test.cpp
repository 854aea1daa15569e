// Tasks that another thread begins on a reactor that stops.
#include "parley/stream/spawn_from_thread.h"

#include <future>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

// This thread is the other one too: what it begins is posted in any case.
class SpawnFromThread : public testing_stream::StreamFixture {
 protected:
  void finish() {
    for (int i = 0; i < 100; ++i) {
      if (!reactor.turn(Duration::zero())) return;
    }
    ADD_FAILURE() << "it does not stop";
  }
};

Task<> for_ever(std::string& reason) {
  const Alive alive;
  try {
    co_await sleep(24h);
  } catch (const Cancelled& cancelled) {
    reason = cancelled.reason();
    throw;
  }
}

TEST_F(SpawnFromThread, WhileItStopsATaskIsCancelledBeforeItBegins) {
  std::string reason;
  for (const Stopping when : {Stopping::before, Stopping::during}) {
    std::optional<RemoteTask<void>> late;
    Hold kept;
    reactor.on_stop(when, [&](Hold hold) {
      late = spawn_from_thread(reactor, for_ever(reason));
      kept = std::move(hold);
    });
    reactor.stop(1h);
    turns(5);
    ASSERT_TRUE(late);
    ASSERT_TRUE(late->wait_for(0s)) << "it would be waited for in vain";
    try {
      late->get();
    } catch (const Cancelled& cancelled) {
      reason = cancelled.reason();
    }
    EXPECT_EQ(std::exchange(reason, {}), "the reactor stops");
    kept = Hold();
    finish();
  }
}

TEST_F(SpawnFromThread, OneThatComesWhenNothingIsCalledAnyMoreIsBroken) {
  std::string reason;
  std::optional<RemoteTask<void>> late;
  reactor.on_stop(Stopping::after, [&] { late = spawn_from_thread(reactor, for_ever(reason)); });
  reactor.stop(0s);
  finish();
  ASSERT_TRUE(late);
  ASSERT_TRUE(late->wait_for(0s));
  EXPECT_THROW(late->get(), std::future_error);
  RemoteTask<void> later = spawn_from_thread(reactor, for_ever(reason));
  ASSERT_TRUE(later.wait_for(0s));
  EXPECT_THROW(later.get(), std::future_error);
}

TEST_F(SpawnFromThread, ManyAreCancelledInTheirOrder) {
  std::vector<int> order;
  const auto wait = [&](int number) -> Task<> {
    const Alive alive;
    try {
      co_await sleep(24h);
    } catch (const Cancelled&) {
      order.push_back(number);
      throw;
    }
  };
  std::vector<RemoteTask<void>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(spawn_from_thread(reactor, wait(i)));
  turns(4);
  tasks[2].cancel();
  turns(4);
  tasks.push_back(spawn_from_thread(reactor, wait(5)));
  turns(4);
  reactor.stop(1h);
  finish();
  EXPECT_EQ(order, (std::vector<int>{2, 0, 1, 3, 4, 5}));
  for (RemoteTask<void>& task : tasks) EXPECT_THROW(task.get(), Cancelled);
}

// Its frame goes with the reactor, and the listener in it asks that one to be told no more.
TEST_F(SpawnFromThread, AReactorThatGoesWithoutStoppingDropsATaskThatListens) {
  const auto serves = [](bool& listens) -> Task<> {
    const Alive alive;
    Listener listener({"127.0.0.1", 0});
    listens = true;
    co_await listener.accept();
  };
  bool listens = false;
  std::optional<Reactor> goes(std::in_place, network.backend(), ReactorSettings{.clock = &clock});
  std::vector<RemoteTask<void>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(spawn_from_thread(*goes, serves(listens)));
    for (int turn = 0; turn < 5; ++turn) goes->turn(Duration::zero());
  }
  EXPECT_TRUE(listens);
  EXPECT_EQ(Alive::count, 3);
  goes.reset();
  EXPECT_EQ(Alive::count, 0);
  for (RemoteTask<void>& task : tasks) EXPECT_THROW(task.get(), std::future_error);
}

}  // namespace
}  // namespace parley
