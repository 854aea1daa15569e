// Event, Semaphore, Lock, Condition, and a queue's join: whoever is cancelled, or dropped, in the turn in
// which it was woken takes nothing along.
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

#include "parley/stream/event.h"
#include "parley/stream/lock.h"
#include "parley/stream/semaphore.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

class SyncTest : public testing_stream::StreamFixture {
 protected:
  std::string order;
};

Task<> await_event(Event& event, std::string& order, char name) {
  const Alive alive;
  co_await event.wait();
  order += name;
}

Task<> hold(Semaphore& permits, std::string& order, char name, Duration time) {
  const Alive alive;
  const Permit held = co_await permits.acquire();
  order += name;
  co_await sleep(time);
}

TEST_F(SyncTest, AnEventLetsAllGoOnWhoWaitAndWhoComesLater) {
  Event event;
  const Running<> a = spawn(reactor, await_event(event, order, 'a'));
  const Running<> b = spawn(reactor, await_event(event, order, 'b'));
  turns(2);
  EXPECT_EQ(order, "");
  event.set();
  event.clear();  // they were told
  turns(1);
  EXPECT_EQ(order, "ab");
  const Running<> c = spawn(reactor, await_event(event, order, 'c'));
  turns(3);
  EXPECT_EQ(order, "ab");
  event.set();
  EXPECT_TRUE(event.is_set());
  turns(1);
  const Running<> d = spawn(reactor, await_event(event, order, 'd'));
  turns(1);
  EXPECT_EQ(order, "abcd");
}

TEST_F(SyncTest, WhoWaitsForAnEventLeavesNoTrace) {
  Event event;
  std::optional<Running<>> dropped = spawn(reactor, await_event(event, order, 'a'));
  Running<> cancelled = spawn(reactor, await_event(event, order, 'b'));
  Running<> late = spawn(reactor, await_event(event, order, 'c'));
  const Running<> last = spawn(reactor, await_event(event, order, 'd'));
  turns(2);
  dropped.reset();
  cancelled.cancel();
  turns(1);
  EXPECT_TRUE(cancelled.done());
  event.set();
  late.cancel();  // in the same turn
  turns(1);
  EXPECT_EQ(order, "d");
  EXPECT_THROW(late.get(), Cancelled);
}

TEST_F(SyncTest, ASemaphoreLetsSoManyInAndInOrder) {
  Semaphore permits(2);
  TaskGroup group(reactor);
  for (const char name : {'a', 'b', 'c', 'd'}) group.spawn(hold(permits, order, name, 10ms));
  turns(2);
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(permits.available(), 0U);
  EXPECT_FALSE(permits.try_acquire());
  clock.advance(10ms);
  turns(3);
  EXPECT_EQ(order, "abcd");
  clock.advance(10ms);
  turns(3);
  EXPECT_EQ(permits.available(), 2U);
  EXPECT_EQ(group.size(), 0U);
}

// The permit was handed over in this turn, and its taker has not gone on.
TEST_F(SyncTest, APermitIsNotLostWithTheTaskThatWasToGetIt) {
  for (const bool cancelled_first : {true, false}) {
    for (const bool drops : {true, false}) {
      Semaphore permits(1);
      Permit held = permits.try_acquire();
      EXPECT_TRUE(held);
      order.clear();
      std::optional<Running<>> first = spawn(reactor, hold(permits, order, 'a', 1ms));
      const Running<> second = spawn(reactor, hold(permits, order, 'b', 1h));
      turns(2);
      const auto end_first = [&] {
        if (drops) {
          first.reset();
        } else {
          first->cancel();
        }
      };
      if (cancelled_first) end_first();
      held.release();
      if (!cancelled_first) end_first();
      turns(2);
      EXPECT_EQ(order, "b") << cancelled_first << drops;
      EXPECT_EQ(permits.available(), 0U);
    }
  }
}

TEST_F(SyncTest, PermitsAreGivenBackOnceAndMayBeForgotten) {
  Semaphore permits(0);
  EXPECT_FALSE(permits.try_acquire());
  permits.release();
  {
    Permit one = permits.try_acquire();
    Permit same(std::move(one));
    EXPECT_FALSE(one);  // NOLINT(bugprone-use-after-move): that is the question
    same.release();
    same.release();
    EXPECT_EQ(permits.available(), 1U);
    same = permits.try_acquire();
    EXPECT_EQ(permits.available(), 0U);
    same.forget();
  }
  EXPECT_EQ(permits.available(), 0U);
}

TEST_F(SyncTest, ALockIsForOneAcrossWhatIsAwaited) {
  Lock lock;
  int inside = 0;
  int most = 0;
  const auto body = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      const Permit held = co_await lock.acquire();
      most = std::max(most, ++inside);
      co_await sleep(1ms);
      --inside;
    }
  };
  const auto both = [&]() -> Task<> { co_await when_all(body(), body(), body()); };
  run(reactor, both());
  EXPECT_EQ(most, 1);
  EXPECT_FALSE(lock.locked());
}

struct Store {
  Lock lock;
  Condition changed{lock};
  int items = 0;
};

Task<> take(Store& store, std::string& order, char name) {
  const Alive alive;
  Permit held = co_await store.lock.acquire();
  const auto some = [&store] { return store.items > 0; };
  co_await store.changed.wait_for(held, some);
  EXPECT_TRUE(held);
  EXPECT_TRUE(store.lock.locked());
  --store.items;
  order += name;
}

TEST_F(SyncTest, AConditionWakesSoManyOneAfterAnother) {
  Store store;
  TaskGroup group(reactor);
  for (const char name : {'a', 'b', 'c'}) group.spawn(take(store, order, name));
  turns(3);
  EXPECT_FALSE(store.lock.locked()) << "who waits has given it back";
  store.items = 3;
  store.changed.notify();
  turns(5);
  EXPECT_EQ(order, "a");
  store.changed.notify_all();
  turns(5);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(store.items, 0);
  EXPECT_FALSE(store.lock.locked());
}

TEST_F(SyncTest, ANotificationIsNotLostWithTheTaskThatWasToGetIt) {
  for (const bool drops : {true, false}) {
    Store store;
    order.clear();
    std::optional<Running<>> first = spawn(reactor, take(store, order, 'a'));
    const Running<> second = spawn(reactor, take(store, order, 'b'));
    turns(3);
    store.items = 1;
    store.changed.notify();
    if (drops) {
      first.reset();
    } else {
      first->cancel();
    }
    turns(5);
    EXPECT_EQ(order, "b") << drops;
    EXPECT_FALSE(store.lock.locked());
  }
}

// Its deadline is over while somebody else holds the lock: it waits for that, and holds it when it is told.
TEST_F(SyncTest, WhoWaitsForAConditionHoldsTheLockAgainAlsoWhenItIsCancelled) {
  Store store;
  bool held_then = false;
  const auto body = [&]() -> Task<> {
    Permit held = co_await store.lock.acquire();
    const bool in_time = co_await within(10ms, store.changed.wait(held));
    EXPECT_FALSE(in_time);
    held_then = static_cast<bool>(held);
    order += 'a';
  };
  const auto other = [&]() -> Task<> {
    const Permit held = co_await store.lock.acquire();
    co_await sleep(50ms);
    order += 'b';
  };
  const auto both = [&]() -> Task<> { co_await when_all(body(), other()); };
  run(reactor, both());
  EXPECT_TRUE(held_then);
  EXPECT_EQ(order, "ba");
  EXPECT_FALSE(store.lock.locked());
}

TEST_F(SyncTest, AConditionIsWaitedForWithItsLockAlone) {
  Store store;
  Lock another;
  const auto body = [&]() -> Task<> {
    Permit none;
    Permit wrong = co_await another.acquire();
    EXPECT_THROW(co_await store.changed.wait(none), std::logic_error);
    EXPECT_THROW(co_await store.changed.wait(wrong), std::logic_error);
  };
  run(reactor, body());
}

Task<> get_one(Queue<int>& queue, std::vector<int>& got) {
  const Alive alive;
  const std::optional<int> value = co_await queue.get();
  got.push_back(value.value_or(-1));
}

TEST_F(SyncTest, AQueueThatTwoWaitAtServesThemInOrderAndTellsBothOfItsEnd) {
  std::vector<int> got;
  {
    Queue<int> queue(1);
    Running<> first = spawn(reactor, get_one(queue, got));
    const Running<> second = spawn(reactor, get_one(queue, got));
    turns(2);
    EXPECT_TRUE(queue.try_put(1));
    EXPECT_TRUE(queue.try_put(2)) << "the second waits, so there is room";
    first.cancel();  // what it was given goes to the front
    turns(2);
    EXPECT_EQ(got, std::vector<int>{2});
    EXPECT_EQ(queue.try_get(), 1);
    EXPECT_EQ(queue.try_get(), std::nullopt);
  }
  got.clear();
  Queue<int> queue(1);
  const Running<> first = spawn(reactor, get_one(queue, got));
  const Running<> second = spawn(reactor, get_one(queue, got));
  turns(2);
  queue.close();
  turns(2);
  EXPECT_EQ(got, (std::vector<int>{-1, -1}));
}

TEST_F(SyncTest, AValueThatIsGivenBackToAClosedQueueIsForWhoWaitedThere) {
  for (const bool drops : {true, false}) {
    Queue<int> queue(1);
    std::vector<int> got;
    std::optional<Running<>> first = spawn(reactor, get_one(queue, got));
    const Running<> second = spawn(reactor, get_one(queue, got));
    turns(2);
    EXPECT_TRUE(queue.try_put(1));
    queue.close();
    if (drops) {
      first.reset();
    } else {
      first->cancel();
    }
    turns(2);
    EXPECT_EQ(got, std::vector<int>{1}) << drops;
    EXPECT_EQ(queue.size(), 0U);
  }
}

TEST_F(SyncTest, TwoWhoWaitToPutAreServedInOrderAndFindItClosed) {
  Queue<int> queue(1);
  EXPECT_TRUE(queue.try_put(0));
  int closed = 0;
  const auto put = [&](int value) -> Task<> {
    try {
      co_await queue.put(value);
    } catch (const QueueClosed&) {
      ++closed;
    }
  };
  Running<> first = spawn(reactor, put(1));
  const Running<> second = spawn(reactor, put(2));
  const Running<> third = spawn(reactor, put(3));
  turns(2);
  EXPECT_EQ(queue.try_get(), 0);
  turns(1);
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(second.done());
  queue.close();
  turns(1);
  EXPECT_EQ(closed, 2);
  EXPECT_EQ(queue.try_get(), 1);
}

TEST_F(SyncTest, WhoJoinsAQueueWaitsUntilAllIsDone) {
  Queue<int> queue(2);
  const auto work = [&]() -> Task<> {
    while (const std::optional<int> value = co_await queue.get()) {
      co_await sleep(10ms);
      order += static_cast<char>('0' + *value);
      queue.task_done();
    }
  };
  const auto body = [&]() -> Task<> {
    const Running<> working = spawn(work());
    co_await queue.join();  // there is nothing
    for (int i = 1; i <= 4; ++i) co_await queue.put(i);
    const bool soon = co_await within(1ms, queue.join());
    EXPECT_FALSE(soon);
    co_await queue.join();
    EXPECT_EQ(order, "1234");
    EXPECT_THROW(queue.task_done(), std::logic_error);
    queue.close();
    co_await sleep(1ms);
    EXPECT_TRUE(working.done());
  };
  run(reactor, body());
}

}  // namespace
}  // namespace parley
