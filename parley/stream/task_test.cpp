#include "parley/stream/task.h"

#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

class TaskTest : public testing_stream::StreamFixture {};

Task<int> answer(int value) {
  const Alive alive;
  co_return value;
}
Task<int> late(int value, Duration after) {
  const Alive alive;
  co_await sleep(after);
  co_return value;
}
Task<> fails(Duration after) {
  const Alive alive;
  if (after > 0s) co_await sleep(after);
  throw std::runtime_error("failed");
}
Task<int> deep(int more) {
  if (more == 0) co_return 0;
  co_return 1 + co_await deep(more - 1);
}
Task<> for_ever() {
  const Alive alive;
  co_await sleep(24h * 365);
}

Task<long> many() {
  long sum = 0;
  for (int i = 0; i < 1'000'000; ++i) sum += co_await answer(1);
  co_return sum;
}

TEST_F(TaskTest, AMillionAwaitsThatCompleteAtOnceNeedNoStack) {
  EXPECT_EQ(run(reactor, many()), 1'000'000);
}

TEST_F(TaskTest, AMillionTasksThatAwaitEachOtherNeedNoStack) {
  EXPECT_EQ(run(reactor, deep(1'000'000)), 1'000'000);
}

TEST_F(TaskTest, DoesNothingUntilItIsAwaited) {
  bool begun = false;
  const auto body = [&begun]() -> Task<> {
    begun = true;
    co_return;
  };
  {
    const Task<> task = body();
    EXPECT_FALSE(begun);
  }
  EXPECT_FALSE(begun);
  run(reactor, body());
  EXPECT_TRUE(begun);
}

TEST_F(TaskTest, AnswersWhatCanOnlyBeMoved) {
  const auto body = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  EXPECT_EQ(*run(reactor, body()), 7);
}

TEST_F(TaskTest, ThrowsWhatTheAwaitedThrows) {
  const auto body = []() -> Task<std::string> {
    try {
      co_await fails(1ms);
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  EXPECT_EQ(run(reactor, body()), "failed");
  EXPECT_THROW(run(reactor, fails(0s)), std::runtime_error);
}

TEST_F(TaskTest, SleepsByTheReactorsClock) {
  const Time before = clock.now();
  EXPECT_EQ(run(reactor, late(5, 90s)), 5);
  EXPECT_EQ(clock.now() - before, 90s);
}

TEST_F(TaskTest, OutsideATaskThereIsNoReactor) {
  EXPECT_THROW(current_reactor(), std::logic_error);
  EXPECT_FALSE(stop_requested());
  const auto body = [this]() -> Task<bool> { co_return &current_reactor() == &reactor; };
  EXPECT_TRUE(run(reactor, body()));
}

TEST_F(TaskTest, ARunningTaskThatGoesIsDroppedWhereItWaits) {
  {
    const Running<> running = spawn(reactor, for_ever());
    turns(2);
    EXPECT_EQ(Alive::count, 1);
    EXPECT_FALSE(running.done());
  }
  EXPECT_EQ(Alive::count, 0);
  turns(2);
}

TEST_F(TaskTest, CancelledItEndsAtThePlaceWhereItWaits) {
  Running<> running = spawn(reactor, for_ever());
  turns(2);
  running.cancel();
  EXPECT_FALSE(running.done());
  turns(1);
  EXPECT_TRUE(running.done());
  EXPECT_THROW(running.get(), Cancelled);
}

TEST_F(TaskTest, CancelledBeforeItHasBegunItNeverDoes) {
  bool begun = false;
  const auto body = [&begun]() -> Task<> {
    begun = true;
    co_return;
  };
  Running<> running = spawn(reactor, body());
  running.cancel();
  turns(2);
  EXPECT_TRUE(running.done());
  EXPECT_THROW(running.get(), Cancelled);
  EXPECT_FALSE(begun);
}

TEST_F(TaskTest, CancelledIsNoStandardExceptionAndComesAgain) {
  int caught = 0;
  const auto body = [&caught]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      try {
        co_await sleep(1h);
      } catch (const std::exception&) {
        ADD_FAILURE() << "an error it is not";
      } catch (...) {  // as a careless program does
        ++caught;
      }
    }
  };
  Running<> running = spawn(reactor, body());
  turns(2);
  running.cancel();
  turns(2);
  EXPECT_TRUE(running.done());
  EXPECT_EQ(caught, 3);
  running.get();
}

TEST_F(TaskTest, AnErrorThatNobodyAsksForIsLogged) {
  {
    Running<> running = spawn(reactor, fails(0s));
    turns(2);
    EXPECT_TRUE(running.done());
    EXPECT_TRUE(log.lines.empty());
  }
  turns(1);
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_EQ(log.lines[0], "a handler failed: failed");
}

TEST_F(TaskTest, WhoeverJoinsIsGivenTheAnswerAndHandsCancellingOn) {
  const auto body = []() -> Task<int> {
    Running<int> beside = spawn(late(3, 1s));
    co_return co_await beside.join();
  };
  EXPECT_EQ(run(reactor, body()), 3);
  Running<int> running = spawn(reactor, body());
  turns(3);
  EXPECT_EQ(Alive::count, 1);
  running.cancel();
  turns(4);
  EXPECT_EQ(Alive::count, 0);
  EXPECT_THROW(running.get(), Cancelled);
}

// Deadlines.

TEST_F(TaskTest, ADeadlineCancelsAndHasAnErrorOfItsOwn) {
  const auto body = [this]() -> Task<> {
    const Time before = clock.now();
    try {
      co_await with_timeout(1500ms, for_ever());
      ADD_FAILURE();
    } catch (const Timeout& error) {
      EXPECT_EQ(Alive::count, 0) << "the loser has not ended";
      EXPECT_STREQ(error.what(), "with_timeout: timed out after 1.5 s");
    }
    EXPECT_EQ(clock.now() - before, 1500ms);
    const int in_time = co_await with_timeout(2s, late(4, 1s));
    EXPECT_EQ(in_time, 4);
    EXPECT_FALSE(stop_requested());
    co_await sleep(1s);  // nothing is left of either
  };
  run(reactor, body());
}

TEST_F(TaskTest, WithinTellsItsOwnDeadlineFromThoseInside) {
  const auto inner = []() -> Task<> { co_await with_timeout(1s, for_ever()); };
  const auto body = [&inner]() -> Task<> {
    const bool in_time = co_await within(100ms, for_ever());
    EXPECT_FALSE(in_time);
    const auto answered = co_await within(2s, late(6, 1s));
    EXPECT_EQ(answered, 6);
    const auto late_answer = co_await within(1s, late(6, 2s));
    EXPECT_EQ(late_answer, std::nullopt);
    const auto failed = co_await as_result(within(2s, inner()));
    EXPECT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), std::errc::timed_out);
  };
  run(reactor, body());
}

TEST_F(TaskTest, TheOuterOfTwoDeadlinesIsNotTakenForTheInner) {
  const auto inner = []() -> Task<int> {
    const bool in_time = co_await within(10s, for_ever());
    co_return in_time ? 1 : 2;
  };
  const auto body = [&inner]() -> Task<> {
    const auto answered = co_await within(1s, inner());
    EXPECT_EQ(answered, std::nullopt);
  };
  run(reactor, body());
}

TEST_F(TaskTest, CancellingIsNotTakenForADeadline) {
  const auto body = []() -> Task<> { co_await with_timeout(10s, for_ever()); };
  Running<> running = spawn(reactor, body());
  turns(1);
  running.cancel();
  turns(2);
  EXPECT_THROW(running.get(), Cancelled);
}

TEST_F(TaskTest, CancelledInTheTurnOfItsDeadlineItIsCancelled) {
  const auto body = []() -> Task<> { co_await with_timeout(1s, for_ever()); };
  Running<> running = spawn(reactor, body());
  turns(1);
  clock.advance(1s);
  turns(1);  // the deadline has passed, and the task goes on in the next turn
  EXPECT_FALSE(running.done());
  running.cancel();
  turns(2);
  EXPECT_THROW(running.get(), Cancelled);
}

TEST_F(TaskTest, AResultHoldsWhatWentWrongAndLetsOthersThrough) {
  const auto body = []() -> Task<> {
    const auto failed = co_await as_result(with_timeout(1s, for_ever()));
    EXPECT_FALSE(failed);
    EXPECT_STREQ(failed.error().what(), "with_timeout: timed out after 1 s");
    const auto well = co_await as_result(answer(8));
    EXPECT_EQ(*well, 8);
    (void)co_await as_result(fails(0s));
  };
  EXPECT_THROW(run(reactor, body()), std::runtime_error);
}

// Side by side.

TEST_F(TaskTest, AGroupWaitsForAllAndNothingOutlivesIt) {
  int ended = 0;
  const auto child = [&ended](Duration time) -> Task<> {
    const Alive alive;
    co_await sleep(time);
    ++ended;
  };
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    for (int i = 1; i <= 3; ++i) group.spawn(child(i * 1s));
    EXPECT_EQ(group.size(), 3U);
    co_await group.join();
    EXPECT_EQ(ended, 3);
    group.spawn(child(1h));
    co_await sleep(1s);
    EXPECT_EQ(Alive::count, 1);
  };
  run(reactor, body());
  EXPECT_EQ(Alive::count, 0);
  EXPECT_EQ(ended, 3);
}

TEST_F(TaskTest, AGroupCancelsTheOthersWhenOneFailsAndThrowsTheFirstError) {
  const auto body = [this]() -> Task<> {
    TaskGroup group;
    group.spawn(for_ever());
    group.spawn(fails(1s));
    group.spawn(for_ever());
    const Time before = clock.now();
    try {
      co_await group.join();
      ADD_FAILURE();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "failed");
    }
    EXPECT_EQ(group.size(), 0U);
    EXPECT_EQ(clock.now() - before, 1s);
    EXPECT_EQ(Alive::count, 0);
    co_await group.join();  // it is told once
  };
  run(reactor, body());
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(TaskTest, CancellingWhoJoinsCancelsTheGroupAndWaits) {
  int cleaned = 0;
  const auto child = [&cleaned]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
      ++cleaned;
      throw;
    }
  };
  const auto body = [&child]() -> Task<> {
    TaskGroup group;
    group.spawn(child());
    group.spawn(child());
    co_await group.join();
  };
  Running<> running = spawn(reactor, body());
  turns(3);
  running.cancel();
  EXPECT_EQ(cleaned, 0);
  turns(3);
  EXPECT_EQ(cleaned, 2);
  EXPECT_THROW(running.get(), Cancelled);
}

TEST_F(TaskTest, AllAnswerTogether) {
  const auto body = []() -> Task<> {
    const auto [one, nothing, two] = co_await when_all(late(1, 2s), sleep(1s), answer(2));
    EXPECT_EQ(one, 1);
    EXPECT_EQ(two, 2);
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(late(i, (5 - i) * 1s));
    const std::vector<int> answers = co_await when_all(std::move(tasks));
    EXPECT_EQ(answers, (std::vector<int>{0, 1, 2, 3, 4}));
    try {
      co_await when_all(for_ever(), fails(0s), for_ever());
      ADD_FAILURE();
    } catch (const std::runtime_error&) {
      EXPECT_EQ(Alive::count, 0);
    }
  };
  run(reactor, body());
}

TEST_F(TaskTest, TheFirstIsEnough) {
  const auto body = []() -> Task<> {
    const auto first = co_await when_any(for_ever(), late(9, 1s), for_ever());
    EXPECT_EQ(first.index(), 1U);
    EXPECT_EQ(std::get<1>(first), 9);
    EXPECT_EQ(Alive::count, 0);
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(late(i, (5 - i) * 1s));
    const std::pair<std::size_t, int> last = co_await when_any(std::move(tasks));
    EXPECT_EQ(last.first, 4U);
    EXPECT_EQ(last.second, 4);
    co_await when_any(for_ever(), fails(1s));
  };
  EXPECT_THROW(run(reactor, body()), std::runtime_error);
}

// Queues.

TEST_F(TaskTest, AQueueHandsOnInOrderAndHoldsBackWhoIsTooFast) {
  Queue<int> queue(3);
  int put = 0;
  const auto producer = [&]() -> Task<> {
    for (int i = 0; i < 10; ++i) {
      co_await queue.put(i);
      ++put;
    }
    queue.close();
  };
  const auto body = [&]() -> Task<> {
    TaskGroup group;
    group.spawn(producer());
    co_await sleep(1s);
    EXPECT_EQ(put, 3);
    for (int i = 0; i < 10; ++i) {
      const std::optional<int> got = co_await queue.get();
      EXPECT_EQ(got, i);
    }
    const std::optional<int> end = co_await queue.get();
    EXPECT_FALSE(end);
    co_await group.join();
    EXPECT_FALSE(queue.try_put(1));
    co_await queue.put(1);
  };
  EXPECT_THROW(run(reactor, body()), QueueClosed);
  EXPECT_THROW(Queue<int>(0), std::invalid_argument);
}

TEST_F(TaskTest, AValueIsNotLostWithTheTaskThatWasToGetIt) {
  Queue<int> queue(4);
  const auto getter = [&]() -> Task<> { (void)co_await queue.get(); };
  for (const bool dropped : {false, true}) {
    std::optional<Running<>> running = spawn(reactor, getter());
    turns(2);
    EXPECT_TRUE(queue.try_put(1));  // it is his, but he has not gone on yet
    EXPECT_EQ(queue.size(), 0U);
    if (dropped) {
      running.reset();
    } else {
      running->cancel();
      turns(2);
      EXPECT_THROW(running->get(), Cancelled);
    }
    EXPECT_EQ(queue.size(), 1U);
    const auto body = [&]() -> Task<int> {
      const auto got = co_await queue.get();
      co_return *got;
    };
    EXPECT_EQ(run(reactor, body()), 1);
  }
}

TEST_F(TaskTest, AValueIsNotDoubledWithTheTaskThatPutsIt) {
  Queue<int> queue(1);
  EXPECT_TRUE(queue.try_put(0));
  const auto putter = [&](int value) -> Task<> { co_await queue.put(value); };
  Running<> first = spawn(reactor, putter(1));
  Running<> second = spawn(reactor, putter(2));
  turns(2);
  first.cancel();
  turns(2);
  EXPECT_THROW(first.get(), Cancelled);
  const auto body = [&]() -> Task<int> {
    const auto got = co_await queue.get();
    const auto next = co_await queue.get();
    co_return *got * 10 + *next;
  };
  EXPECT_EQ(run(reactor, body()), 2);
  turns(2);
  second.get();
}

TEST_F(TaskTest, WhoseValueWasTakenIsToldSoAlthoughItIsCancelled) {
  Queue<int> queue(1);
  EXPECT_TRUE(queue.try_put(0));
  const auto putter = [&]() -> Task<> { co_await queue.put(1); };
  Running<> puts = spawn(reactor, putter());
  turns(2);
  const auto taker = [&]() -> Task<> {
    (void)co_await queue.get();
    puts.cancel();  // its value is in the queue, but it has not gone on yet
  };
  run(reactor, taker());
  turns(2);
  ASSERT_TRUE(puts.done());
  puts.get();  // and not Cancelled: else it would be put once more
  EXPECT_EQ(queue.size(), 1U);
}

}  // namespace
}  // namespace parley
