// A task has one timer for all its deadlines, which is left alone when one is kept.
#include <gtest/gtest.h>
#include <optional>

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

}  // namespace
}  // namespace parley
