// A task has one timer for all its deadlines, which is left alone when one is kept.
#include <gtest/gtest.h>
#include <optional>
#include <string>

#include "parley/stream/shield.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class DeadlineTest : public testing_stream::StreamFixture {
 protected:
  // Whether the sleep was over first, and when that was known.
  Task<bool> slept_within(Duration after, Duration sleeping) {
    const bool in_time = co_await within(after, sleep(sleeping));
    ended_at = clock.now() - start;
    co_return in_time;
  }

  const Time start = clock.now();
  Duration ended_at{};
};

TEST_F(DeadlineTest, AfterOneThatWasKeptTheNextHasItsOwnTime) {
  const auto body = [this]() -> Task<> {
    EXPECT_TRUE(co_await slept_within(1s, 200ms));  // its timer is due at 1 s, when nothing is
    EXPECT_FALSE(co_await slept_within(3s, 10s));
    EXPECT_EQ(ended_at, 3200ms);
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, OneThatIsEarlierThanTheOneBeforeIsNotLate) {
  const auto body = [this]() -> Task<> {
    EXPECT_TRUE(co_await slept_within(10s, 1s));
    EXPECT_FALSE(co_await slept_within(500ms, 5s));
    EXPECT_EQ(ended_at, 1500ms);
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, TheOuterOneGoesOnWhenTheInnerIsOver) {
  const auto inner = [this]() -> Task<> {
    EXPECT_FALSE(co_await slept_within(1s, 20s));
    EXPECT_EQ(ended_at, 1s);
    EXPECT_TRUE(co_await slept_within(9s, 1s));
    co_await sleep(20s);
  };
  const auto body = [&]() -> Task<> {
    const bool in_time = co_await within(5s, inner());
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 5s);
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, TwoThatAreOverAtOnceAreTheOuters) {
  const auto inner = [this]() -> Task<bool> { co_return co_await slept_within(2s, 20s); };
  const auto body = [&]() -> Task<> {
    const std::optional<bool> answer = co_await within(2s, inner());
    EXPECT_EQ(answer, std::nullopt);
    EXPECT_EQ(clock.now() - start, 2s);
    EXPECT_TRUE(co_await slept_within(2s, 1s)) << "nothing is left of them";
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, OneOfNoTimeIsOverInTheNextTurn) {
  const auto body = [this]() -> Task<> {
    EXPECT_FALSE(co_await slept_within(0s, 1s));
    EXPECT_EQ(ended_at, 0s);
    EXPECT_FALSE(co_await slept_within(-5s, 1s));
    EXPECT_TRUE(co_await slept_within(Duration::max(), 1s));
  };
  run(reactor, body());
}

// Dropped where it waits: the timer of its deadlines goes with it.
TEST_F(DeadlineTest, ATaskThatIsDroppedLeavesNoTimer) {
  {
    const Running<bool> running = spawn(reactor, slept_within(1s, 20s));
    turns(1);
    EXPECT_FALSE(running.done());
  }
  clock.advance(2s);
  turns(2);
  EXPECT_TRUE(log.lines.empty());
  EXPECT_EQ(ended_at, Duration::zero());
}

TEST_F(DeadlineTest, WhoeverKeepsATaskThatHasEndedKeepsNoTimer) {
  Running<bool> kept = spawn(reactor, slept_within(50s, 1s));
  while (!kept.done()) reactor.turn(10s);
  turns(2);
  const Time before = clock.now();
  reactor.turn(100s);  // the memory network moves the clock to what comes next
  EXPECT_EQ(clock.now() - before, 100s);
  EXPECT_TRUE(kept.get());
}

TEST_F(DeadlineTest, OneThatIsMovedLaterOrSoonerIsOverThen) {
  const auto body = [this]() -> Task<> {
    Deadline deadline(1s);
    reactor.call_later(500ms, [&] { EXPECT_TRUE(deadline.reschedule(3s)); });
    bool in_time = co_await within(deadline, sleep(1h));
    EXPECT_FALSE(in_time);
    EXPECT_TRUE(deadline.expired());
    EXPECT_EQ(clock.now() - start, 3500ms);
    EXPECT_TRUE(deadline.reschedule(10s)) << "and used again";
    reactor.call_later(1s, [&] { EXPECT_TRUE(deadline.reschedule(start + 5s)); });
    in_time = co_await within(deadline, sleep(1h));
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 5s);
    EXPECT_EQ(deadline.when(), start + 5s);
    reactor.call_later(1s, [&] { deadline.reschedule(Duration::max()); });
    deadline.reschedule(2s);
    in_time = co_await within(deadline, sleep(1h));
    EXPECT_TRUE(in_time);
    EXPECT_FALSE(deadline.expired());
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, OneThatIsOverIsNotMovedAnyMore) {
  std::optional<Deadline> deadline;
  const auto inner = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
      EXPECT_FALSE(deadline->reschedule(1h));
      EXPECT_TRUE(deadline->expired());
      throw;
    }
  };
  const auto body = [&]() -> Task<> {
    deadline.emplace(1s);
    const bool in_time = co_await within(*deadline, inner());
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 1s);
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, SeveralAwaitsShareOneDeadlineButNotAtATime) {
  const auto body = [this]() -> Task<> {
    Deadline deadline(3500ms);
    for (int i = 0; i < 2; ++i) {
      const bool in_time = co_await within(deadline, sleep(1s));
      EXPECT_TRUE(in_time);
    }
    const auto second = [&]() -> Task<bool> { co_return co_await within(deadline, sleep(1s)); };
    auto [one, other] = co_await gather(second(), second());
    EXPECT_TRUE(one.get());
    EXPECT_THROW(other.get(), std::logic_error);
    const bool in_time = co_await within(deadline, sleep(1s));
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 3500ms);
  };
  run(reactor, body());
}

// Somebody stands in the inner deadline: it throws where it would begin to wait.
TEST_F(DeadlineTest, AnAwaitThatDoesNotBeginIsInNoDeadlineAndNoShield) {
  const auto body = [this]() -> Task<> {
    Deadline taken(1h);
    Deadline outer(1h);
    const auto first = [&]() -> Task<> { co_await with_timeout(taken, sleep(1s)); };
    const auto second = [&]() -> Task<> {
      auto refused = within(outer, within(taken, sleep(1s)));  // lives on
      EXPECT_THROW(co_await std::move(refused), std::logic_error);
      auto shielded = shield(within(taken, sleep(1s)));
      EXPECT_THROW(co_await std::move(shielded), std::logic_error);
      const bool in_time = co_await within(outer, sleep(1s));
      EXPECT_TRUE(in_time);
      const bool late = !co_await within(10s, sleep(1h));
      EXPECT_TRUE(late) << "nothing is held back by the shield";
    };
    const Time before = clock.now();
    co_await when_all(first(), second());
    EXPECT_EQ(clock.now() - before, 11s);
  };
  run(reactor, body());
}

// The awaiter is a coroutine's parameter, and goes after the task has ended.
TEST_F(DeadlineTest, NorIsOneAmongSeveral) {
  const auto body = []() -> Task<> {
    Deadline taken(1h);
    const auto waits = [](auto awaiter) -> Task<> { co_await std::move(awaiter); };
    auto first = with_timeout(taken, sleep(1s));
    auto second = with_timeout(1s, with_timeout(taken, sleep(1s)));
    auto [one, other] = co_await gather(waits(std::move(first)), waits(std::move(second)));
    EXPECT_TRUE(one);
    EXPECT_THROW(other.get(), std::logic_error);
    auto third = with_timeout(taken, sleep(1s));
    auto fourth = with_timeout(1s, with_timeout(taken, sleep(1s)));
    auto [again, refused] = co_await gather(std::move(third), std::move(fourth));
    EXPECT_TRUE(again);
    EXPECT_THROW(refused.get(), std::logic_error);
  };
  run(reactor, body());
}

// The outer one's time is over first, behind the shield: what stands in that answers by itself.
TEST_F(DeadlineTest, OneInAShieldAnswersAlsoWhenTheTimeAroundTheShieldIsOver) {
  const auto body = [this]() -> Task<> {
    const bool in_time = co_await with_timeout(1s, shield(within(2s, sleep(1h))));
    EXPECT_FALSE(in_time);
    EXPECT_EQ(clock.now() - start, 2s);
    EXPECT_FALSE(stop_requested()) << "nothing is left of it";
    Deadline moved(1s);
    const auto outer = co_await within(moved, shield(within(2s, sleep(1h))));
    EXPECT_TRUE(moved.expired());
    EXPECT_EQ(outer, std::optional<bool>(false));
    co_await sleep(1s);
    EXPECT_EQ(clock.now() - start, 5s);
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, WhatWithinThrowsComesFromInsideTheShield) {
  const auto body = [this]() -> Task<> {
    std::string said;
    try {
      co_await within(1s, shield(with_timeout(2s, sleep(1h), "goodbye")));
    } catch (const Timeout& timeout) {
      said = timeout.what();
    }
    EXPECT_EQ(said, "goodbye: timed out after 2 s");
    said.clear();
    try {
      co_await with_timeout(1s, shield(with_timeout(2s, sleep(1h), "inner")), "outer");
    } catch (const Timeout& timeout) {
      said = timeout.what();
    }
    EXPECT_EQ(said, "inner: timed out after 2 s");
    EXPECT_FALSE(stop_requested());
    co_await sleep(1s);
    EXPECT_EQ(clock.now() - start, 5s);
  };
  run(reactor, body());
}

// The other way round: the inner time is over first, or a shield stands around both.
TEST_F(DeadlineTest, OneInAShieldWhoseTimeIsOverFirst) {
  const auto body = [this]() -> Task<> {
    const bool first = co_await with_timeout(2s, shield(within(1s, sleep(1h))));
    EXPECT_FALSE(first);
    EXPECT_EQ(clock.now() - start, 1s);
    const auto both = co_await shield(within(1s, shield(within(2s, sleep(1h)))));
    EXPECT_EQ(both, std::optional<bool>(false));
    const bool kept = co_await within(1s, with_timeout(2s, shield(sleep(3s))));
    EXPECT_TRUE(kept) << "both were over, and it answered";
    EXPECT_FALSE(stop_requested());
    co_await sleep(1s);
    EXPECT_EQ(clock.now() - start, 7s);
  };
  run(reactor, body());
}

TEST_F(DeadlineTest, ThreeOfThemInTwoShields) {
  const auto body = [this]() -> Task<> {
    const auto rising = co_await with_timeout(1s, shield(within(2s, shield(within(3s, sleep(1h))))));
    EXPECT_EQ(rising, std::optional<bool>(false));
    EXPECT_EQ(clock.now() - start, 3s);
    EXPECT_FALSE(stop_requested());
    const auto mixed = co_await within(2s, shield(within(1s, shield(within(3s, sleep(1h))))));
    EXPECT_EQ(mixed, std::optional<std::optional<bool>>(std::optional<bool>(false)));
    const auto kept = co_await with_timeout(1s, shield(within(2s, shield(within(9s, sleep(3s))))));
    EXPECT_EQ(kept, std::optional<bool>(true));
    EXPECT_FALSE(stop_requested());
    co_await sleep(1s);
    EXPECT_EQ(clock.now() - start, 10s);
  };
  run(reactor, body());
}

// The task is cancelled too, behind the shield: that is what is left at the end.
TEST_F(DeadlineTest, WhoIsCancelledBehindAShieldFindsThatAndNoMore) {
  std::string order;
  const auto body = [&]() -> Task<> {
    const auto answer = co_await with_timeout(1s, shield(within(2s, shield(within(3s, sleep(1h))))));
    EXPECT_EQ(answer, std::optional<bool>(false));
    EXPECT_TRUE(stop_requested());
    order += 'a';
    const bool in_time = co_await shield(within(1s, sleep(1h)));
    EXPECT_FALSE(in_time);
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
  EXPECT_EQ(clock.now() - start, 4s);
}

// What a Timeout says.
Task<std::string> said_by(Task<> timed) {
  try {
    co_await std::move(timed);
  } catch (const Timeout& timeout) {
    co_return timeout.what();
  }
  co_return "nothing";
}

TEST_F(DeadlineTest, ItsErrorSaysByALabelWhatWasNotDone) {
  const auto body = [this]() -> Task<> {
    const auto labelled = []() -> Task<> { co_await with_timeout(2s, sleep(1h), "login"); };
    const auto plain = []() -> Task<> { co_await with_timeout(2s, sleep(1h)); };
    const auto at = [this]() -> Task<> { co_await timeout_at(clock.now() + 4s, sleep(1h), "upload"); };
    const auto by = []() -> Task<> {
      Deadline deadline(1s);
      deadline.reschedule(2s);
      co_await with_timeout(deadline, sleep(1h), "all of it");
    };
    EXPECT_EQ(co_await said_by(labelled()), "login: timed out after 2 s");
    EXPECT_EQ(co_await said_by(plain()), "with_timeout: timed out after 2 s");
    EXPECT_EQ(co_await said_by(at()), "upload: timed out after 4 s");
    EXPECT_EQ(co_await said_by(by()), "all of it: timed out after 2 s");
    EXPECT_EQ(clock.now() - start, 10s);
  };
  run(reactor, body());
}

}  // namespace
}  // namespace parley
