// What callbacks answer, awaited; what must not be cut short; why a task was cancelled; what has come of
// many.
#include "parley/stream/future.h"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parley/stream/as_completed.h"
#include "parley/stream/shield.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

class FutureTest : public testing_stream::StreamFixture {};

TEST_F(FutureTest, AnswersWhatACallbackWasTold) {
  const auto body = [this]() -> Task<> {
    Promise<std::unique_ptr<int>> promise;
    Future<std::unique_ptr<int>> future = promise.get_future();
    EXPECT_THROW((void)promise.get_future(), std::logic_error);
    const std::function<void()> call = [promise]() mutable {
      EXPECT_TRUE(promise.set_value(std::make_unique<int>(7)));
      EXPECT_FALSE(promise.set_value(nullptr)) << "the first counts";
    };
    reactor.call_later(5ms, call);
    const std::unique_ptr<int> answer = co_await future.get();
    EXPECT_EQ(*answer, 7);
    EXPECT_THROW(co_await future.get(), std::logic_error) << "once";
  };
  run(reactor, body());
}

TEST_F(FutureTest, ThrowsWhatItWasToldAndWhenNobodyIsLeftToTell) {
  const auto body = [this]() -> Task<> {
    Promise<> promise;
    Future<> future = promise.get_future();
    promise.set_exception(std::make_exception_ptr(std::runtime_error("no")));
    EXPECT_TRUE(future.done());
    EXPECT_THROW(co_await future.get(), std::runtime_error);
    std::optional<Promise<>> forgotten(std::in_place);
    Future<> broken = forgotten->get_future();
    const Promise<> copy = *forgotten;
    reactor.call_later(5ms, [&forgotten] { forgotten.reset(); });
    const bool in_time = co_await within(20ms, broken.get());
    EXPECT_FALSE(in_time) << "there is a copy";
    {
      Promise<int> goes;
      Future<int> never = goes.get_future();
      EXPECT_TRUE(goes.wanted());
      goes = Promise<int>();
      EXPECT_THROW(co_await never.get(), BrokenPromise);
    }
    Promise<int> unwanted;
    EXPECT_TRUE(unwanted.wanted()) << "its future may still be asked for";
    {
      const Future<int> gone = unwanted.get_future();
    }
    EXPECT_FALSE(unwanted.wanted());
    EXPECT_TRUE(unwanted.set_value(1));
  };
  run(reactor, body());
}

// It comes in the turn in which the task is cancelled: it can be got still.
TEST_F(FutureTest, AnAnswerIsNotLostWithTheTaskThatWasToGetIt) {
  Promise<int> promise;
  Future<int> future = promise.get_future();
  const auto wait = [&]() -> Task<int> { co_return co_await future.get(); };
  Running<int> first = spawn(reactor, wait());
  turns(2);
  Running<int> another = spawn(reactor, wait());
  turns(2);
  EXPECT_THROW(another.get(), std::logic_error) << "one at a time";
  promise.set_value(7);
  first.cancel();
  turns(2);
  EXPECT_THROW(first.get(), Cancelled);
  EXPECT_EQ(run(reactor, wait()), 7);
  std::optional<Running<int>> dropped;
  Promise<int> next;
  future = next.get_future();
  dropped = spawn(reactor, wait());
  turns(2);
  next.set_value(8);
  dropped.reset();
  EXPECT_EQ(run(reactor, wait()), 8);
}

TEST_F(FutureTest, WhatIsShieldedEndsFirst) {
  std::string order;
  const auto goodbye = [&]() -> Task<int> {
    co_await sleep(10ms);
    EXPECT_FALSE(stop_requested());
    order += 'a';
    co_return 7;
  };
  const auto body = [&]() -> Task<> {
    const int answer = co_await shield(goodbye());
    EXPECT_EQ(answer, 7);
    EXPECT_TRUE(stop_requested());
    order += 'b';
    co_await sleep(0s);
    order += 'c';
  };
  Running<> running = spawn(reactor, body());
  turns(2);
  running.cancel();
  running.cancel();
  while (!running.done()) reactor.turn(1s);
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(order, "ab");
}

TEST_F(FutureTest, AlsoInATaskThatWasCancelledBefore) {
  std::string order;
  const auto body = [&]() -> Task<> {
    bool cancelled = false;
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    co_await shield(sleep(5ms));
    order += 'a';
    co_await sleep(1h);
    order += 'b';
  };
  Running<> running = spawn(reactor, body());
  turns(2);
  running.cancel();
  while (!running.done()) reactor.turn(1s);
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(order, "a");
}

TEST_F(FutureTest, DeadlinesInsideAShieldHoldAndThoseAroundItWait) {
  const Time start = clock.now();
  const auto inner = [&]() -> Task<> {
    const bool in_time = co_await within(20ms, sleep(1h));
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 20ms);
    co_await sleep(20ms);
  };
  const auto middle = [&]() -> Task<> {
    co_await shield(inner());
    EXPECT_EQ(clock.now() - start, 40ms);
    co_await sleep(1h);
  };
  const auto body = [&]() -> Task<> {
    const bool in_time = co_await within(10ms, middle());
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 40ms);
    EXPECT_FALSE(stop_requested()) << "nothing is left of it";
    co_await sleep(1ms);
  };
  run(reactor, body());
}

TEST_F(FutureTest, ADeadlineRightInsideAShieldAnswersAlsoInATaskThatIsCancelled) {
  std::string said;
  const auto body = [&]() -> Task<> {
    const bool in_time = co_await shield(within(20ms, sleep(1h)));
    said += in_time ? "in time, " : "late, ";
    try {
      co_await shield(with_timeout(2s, sleep(1h), "goodbye"));
    } catch (const Timeout& timeout) {
      said += timeout.what();
    }
    co_await sleep(0s);
    said += ", and on";
  };
  Running<> running = spawn(reactor, body());
  turns(2);
  running.cancel();
  while (!running.done()) reactor.turn(1s);
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(said, "late, goodbye: timed out after 2 s");
}

TEST_F(FutureTest, BehindAShieldATaskIsCancelledAsEver) {
  bool behind = false;
  const auto body = [&behind]() -> Task<> {
    auto shielded = shield(sleep(1ms));  // lives on
    co_await std::move(shielded);
    behind = true;
    co_await sleep(1h);
  };
  Running<> running = spawn(reactor, body());
  while (!behind) reactor.turn(1s);
  running.cancel();
  turns(3);
  ASSERT_TRUE(running.done());
  EXPECT_THROW(running.get(), Cancelled);
}

TEST_F(FutureTest, AShieldInsideAnotherLetsNothingThroughWhenItEnds) {
  std::string order;
  const auto inside = [&]() -> Task<> {
    co_await shield(sleep(10ms));
    EXPECT_FALSE(stop_requested());
    co_await sleep(10ms);
    order += 'a';
  };
  const auto body = [&]() -> Task<> {
    co_await shield(inside());
    order += 'b';
    co_await sleep(0s);
    order += 'c';
  };
  Running<> running = spawn(reactor, body());
  turns(2);
  running.cancel();
  while (!running.done()) reactor.turn(1s);
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_EQ(order, "ab");
}

TEST_F(FutureTest, AShieldThatIsDroppedLeavesNothing) {
  const auto body = [&]() -> Task<> {
    const Alive alive;
    const auto inner = []() -> Task<> { co_await with_timeout(1s, shield(sleep(1h))); };
    co_await with_timeout(1s, shield(inner()));
  };
  {
    const Running<> running = spawn(reactor, body());
    turns(2);
    EXPECT_EQ(Alive::count, 1);
  }
  EXPECT_EQ(Alive::count, 0);
  clock.advance(2s);
  turns(2);
}

TEST_F(FutureTest, WhoIsCancelledIsToldWhyAndSoAreThoseItWaitsFor) {
  std::vector<std::string> reasons;
  const auto wait = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled& cancelled) {
      reasons.emplace_back(cancelled.reason());
      throw;
    }
  };
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    group.spawn(wait());
    group.spawn(wait());
    co_await group.join();
  };
  Running<> running = spawn(reactor, body());
  turns(3);
  running.cancel("maintenance");
  running.cancel("something else");
  turns(5);
  EXPECT_EQ(reasons, (std::vector<std::string>{"maintenance", "maintenance"}));
  std::string reason;
  try {
    running.get();
  } catch (const Cancelled& cancelled) {
    reason = cancelled.reason();
  }
  EXPECT_EQ(reason, "maintenance");
  Running<> never = spawn(reactor, wait());
  never.cancel("too early");
  turns(1);
  try {
    never.get();
  } catch (const Cancelled& cancelled) {
    reason = cancelled.reason();
  }
  EXPECT_EQ(reason, "too early");
  EXPECT_EQ(Cancelled().reason(), "");
}

Task<int> later_number(int number, Duration after) {
  const Alive alive;
  co_await sleep(after);
  if (number < 0) throw std::runtime_error("negative");
  co_return number;
}

std::vector<Task<int>> numbers() {
  std::vector<Task<int>> tasks;
  tasks.push_back(later_number(1, 30ms));
  tasks.push_back(later_number(-2, 10ms));
  tasks.push_back(later_number(3, 20ms));
  return tasks;
}

TEST_F(FutureTest, GatherAnswersWhatHasComeOfEach) {
  const auto body = []() -> Task<> {
    auto outcomes = co_await gather(numbers());
    EXPECT_EQ(outcomes.size(), 3U);
    EXPECT_EQ(outcomes[0].get(), 1);
    EXPECT_THROW(outcomes[1].get(), std::runtime_error);
    EXPECT_EQ(outcomes[2].get(), 3);
    auto [number, nothing, failed] = co_await gather(later_number(4, 5ms), sleep(1ms), later_number(-1, 0s));
    EXPECT_EQ(number.get(), 4);
    EXPECT_TRUE(nothing);
    EXPECT_FALSE(failed);
    const auto none = co_await gather(std::vector<Task<int>>());
    EXPECT_TRUE(none.empty());
  };
  run(reactor, body());
}

TEST_F(FutureTest, WhoGathersAndIsCancelledCancelsAll) {
  const auto many = []() -> Task<> { co_await gather(numbers()); };
  const auto three = []() -> Task<> {
    co_await gather(later_number(1, 1h), later_number(2, 1h), later_number(3, 1h));
  };
  for (const bool as_vector : {true, false}) {
    Running<> running = spawn(reactor, as_vector ? many() : three());
    turns(3);
    EXPECT_EQ(Alive::count, 3);
    running.cancel();
    turns(4);
    EXPECT_THROW(running.get(), Cancelled) << as_vector;
    EXPECT_EQ(Alive::count, 0);
  }
}

TEST_F(FutureTest, AsCompletedAnswersThemAsTheyCome) {
  const auto body = []() -> Task<> {
    AsCompleted<int> coming(numbers());
    std::string order;
    const auto too_early = co_await within(1ms, coming.next());
    EXPECT_FALSE(too_early) << "nothing is lost by it";
    while (auto next = co_await coming.next()) {
      order += std::to_string(next->first);
      order += next->second ? '+' : '-';
    }
    EXPECT_EQ(order, "1-2+0+");
    AsCompleted<int> none{std::vector<Task<int>>()};
    const auto nothing = co_await none.next();
    EXPECT_FALSE(nothing);
    AsCompleted<int> some(numbers());
    const auto first = co_await some.next();
    EXPECT_EQ(first->first, 1U);
    EXPECT_EQ(some.size(), 2U);
    some.cancel("enough");
    auto second = co_await some.next();
    EXPECT_THROW(second->second.get(), Cancelled);
    AsCompleted<int> never(numbers());
    never.cancel("too early");
    const auto third = co_await never.next();
    std::string reason;
    try {
      std::rethrow_exception(third->second.error());
    } catch (const Cancelled& cancelled) {
      reason = cancelled.reason();
    }
    EXPECT_EQ(reason, "too early");
  };
  run(reactor, body());
  EXPECT_EQ(Alive::count, 0) << "those that still ran were dropped";
}

TEST_F(FutureTest, AHandleThatHasNoTaskSaysSo) {
  const auto body = []() -> Task<> {
    Running<int> none;
    EXPECT_TRUE(none.done());
    EXPECT_THROW(co_await none.join(), std::logic_error);
    EXPECT_THROW(none.get(), std::logic_error);
  };
  run(reactor, body());
}

// Awaited, answers at once.
struct Holding {
  using awaits_in = detail::Fiber;
  std::shared_ptr<int> held;
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<> /*who*/) const {}
  int await_resume() const { return *held; }
};

TEST_F(FutureTest, WhatWasAwaitedBesideOthersGoesAsSoonAsItHasAnswered) {
  const auto body = []() -> Task<> {
    Holding holding{std::make_shared<int>(5)};
    const std::weak_ptr<int> held = holding.held;
    const auto look = [&held]() -> Task<bool> {
      co_await sleep(1ms);
      co_return held.expired();
    };
    const auto [five, gone] = co_await when_all(std::move(holding), look());
    EXPECT_EQ(five, 5);
    EXPECT_TRUE(gone);
  };
  run(reactor, body());
}

// A loser that has answered too, in the same turn or while it was cancelled, is not taken for the winner.
TEST_F(FutureTest, ALoserThatAnswersAfterTheWinnerIsNotTheAnswer) {
  const auto stubborn = []() -> Task<int> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
    }
    co_return 1;
  };
  const auto body = [&]() -> Task<> {
    const auto answer = co_await when_any(stubborn(), later_number(2, 5ms), stubborn());
    EXPECT_EQ(answer.index(), 1U);
    std::vector<Task<int>> tasks;
    tasks.push_back(stubborn());
    tasks.push_back(later_number(2, 5ms));
    tasks.push_back(later_number(3, 5ms));
    const std::pair<std::size_t, int> first = co_await when_any(std::move(tasks));
    EXPECT_EQ(first.first, 1U);
    EXPECT_EQ(first.second, 2);
    const auto failing = [&]() -> Task<> { co_await when_any(stubborn(), later_number(-1, 5ms)); };
    EXPECT_THROW(co_await failing(), std::runtime_error) << "nor is it when the winner has failed";
  };
  run(reactor, body());
}

}  // namespace
}  // namespace parley
