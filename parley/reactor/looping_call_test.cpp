#include "parley/reactor/looping_call.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class LoopingCallTest : public testing::Test {
 protected:
  LoopingCall noting(std::function<void()> then = [] {}) {
    return {reactor_, [this, then = std::move(then)] {
              ticks_.push_back((clock_.now() - began_) / 1ms);
              then();
            }};
  }
  // Time passes in steps of 10 ms, and the loop turns.
  void pass(Duration time) {
    for (; time > Duration::zero(); time -= 10ms) {
      turn();
      clock_.advance(10ms);
    }
    turn();
  }
  void turn() {
    reactor_.turn(Duration::zero());
    reactor_.turn(Duration::zero());
  }

  RecordingLog log_;
  ManualClock clock_;
  MemoryNetwork network_{clock_};
  Reactor reactor_{network_.backend(), {.clock = &clock_, .log = &log_}};
  const Time began_ = clock_.now();
  std::vector<long> ticks_;
};

TEST_F(LoopingCallTest, CallsAtOnceOrAfterAnInterval) {
  LoopingCall at_once = noting();
  EXPECT_FALSE(at_once.running());
  at_once.start(100ms);
  EXPECT_TRUE(at_once.running());
  EXPECT_EQ(at_once.interval(), 100ms);
  EXPECT_THAT(ticks_, IsEmpty()) << "from inside `start`";
  pass(250ms);
  at_once.stop();
  EXPECT_FALSE(at_once.running());
  pass(50ms);
  EXPECT_THAT(std::exchange(ticks_, {}), ElementsAre(0, 100, 200));
  LoopingCall later = noting();
  later.start(100ms, false);
  pass(250ms);
  EXPECT_THAT(ticks_, ElementsAre(400, 500));
}

TEST_F(LoopingCallTest, WhatIsMissedIsNotMadeUpFor) {
  bool slow = true;
  LoopingCall call = noting([&] {
    if (std::exchange(slow, false)) clock_.advance(250ms);
  });
  call.start(100ms);
  pass(260ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 250, 300, 400, 500));
}

TEST_F(LoopingCallTest, TellsHowManyIntervalsHavePassed) {
  std::vector<std::size_t> counts;
  LoopingCall call(reactor_, [&](std::size_t passed) { counts.push_back(passed); });
  call.start(100ms);
  turn();
  clock_.advance(430ms);
  pass(80ms);
  EXPECT_THAT(counts, ElementsAre(1, 4, 1));
}

TEST_F(LoopingCallTest, ResettingMovesAllOfThem) {
  LoopingCall call = noting();
  call.reset();  // nothing runs
  call.start(100ms);
  pass(150ms);
  call.reset();
  pass(250ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100, 250, 350));
}

TEST_F(LoopingCallTest, WithoutAnIntervalInEachTurn) {
  LoopingCall call = noting();
  call.start(0s);
  for (int i = 0; i < 4; ++i) reactor_.turn(Duration::zero());
  EXPECT_GE(ticks_.size(), 3U);
  EXPECT_LE(ticks_.size(), 4U);
}

TEST_F(LoopingCallTest, TheLongestIntervalDoesNotOverflow) {
  LoopingCall call = noting();
  call.start(Duration::max());
  pass(100ms);
  EXPECT_THAT(ticks_, ElementsAre(0));
  EXPECT_TRUE(call.running());
}

TEST_F(LoopingCallTest, MayBeStoppedStartedAndDestroyedByItsCall) {
  std::optional<LoopingCall> call;
  std::vector<int> big(1000, 7);
  int left = 3;
  call.emplace(reactor_, [&, big] {
    if (--left == 2) {
      call->stop();
      call->start(50ms, false);
    } else if (left == 1) {
      call.reset();
      ticks_.push_back(big[999]);  // what it has captured is still there
    }
  });
  call->start(100ms);
  pass(300ms);
  EXPECT_THAT(ticks_, ElementsAre(7));
  EXPECT_EQ(left, 1);
}

TEST_F(LoopingCallTest, GoesOnAfterACallThatThrows) {
  int errors = 0;
  reactor_.on_error([&](std::exception_ptr) { ++errors; });
  LoopingCall call = noting([] { throw std::runtime_error("tick"); });
  call.start(100ms);
  pass(200ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100, 200));
  EXPECT_EQ(errors, 3);
}

TEST_F(LoopingCallTest, MovesAndStopsWhenItGoes) {
  {
    LoopingCall first = noting();
    first.start(100ms);
    LoopingCall second = std::move(first);
    pass(100ms);
    EXPECT_TRUE(second.running());
  }
  pass(300ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100));
}

TEST_F(LoopingCallTest, OneThatIsGivenAnothersPlaceCallsNoMore) {
  int others = 0;
  LoopingCall call = noting();
  LoopingCall other(reactor_, [&] { ++others; });
  call.start(100ms);
  other.start(100ms);
  pass(100ms);
  call = std::move(other);
  EXPECT_TRUE(call.running());
  EXPECT_FALSE(other.running());  // NOLINT(bugprone-use-after-move): that is the question
  pass(200ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100));
  EXPECT_EQ(others, 4);
  LoopingCall& same = call;
  call = std::move(same);
  EXPECT_TRUE(call.running());
}

TEST_F(LoopingCallTest, WhatCannotBeIsRefused) {
  LoopingCall call(reactor_, [given = std::make_unique<int>(1)] { EXPECT_EQ(*given, 1); });
  EXPECT_THROW(call.start(-1s), std::invalid_argument);
  EXPECT_FALSE(call.running());
  call.start(1s);
  EXPECT_THROW(call.start(1s), std::logic_error);
  EXPECT_TRUE(call.running());
  EXPECT_THROW(LoopingCall(reactor_, MoveOnlyFunction<void()>()), std::invalid_argument);
  EXPECT_THROW(LoopingCall(reactor_, MoveOnlyFunction<void(std::size_t)>()), std::invalid_argument);
}

}  // namespace
}  // namespace parley
