#include "parley/service/timer_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class TimerServiceTest : public testing::Test {
 protected:
  TimerService& make(Duration interval, std::function<void()> body = {}) {
    service_ = std::make_unique<TimerService>(reactor_, interval, [this, body] {
      ticks_.push_back((clock_.now() - began_) / 1ms);
      if (body) body();
    });
    return *service_;
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
  std::unique_ptr<TimerService> service_;
};

TEST_F(TimerServiceTest, CallsAtOnceAndThenAtTheInterval) {
  make(100ms).start_service();
  EXPECT_THAT(ticks_, ElementsAre());  // not from inside start_service
  pass(350ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100, 200, 300));
}

TEST_F(TimerServiceTest, BeginsAnewWhenItIsStartedAgain) {
  make(100ms).start_service();
  pass(150ms);
  bool stopped = false;
  service_->stop_service([&] { stopped = true; });
  EXPECT_TRUE(stopped);
  pass(300ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100));
  service_->start_service();
  pass(100ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100, 450, 550));
}

TEST_F(TimerServiceTest, WhatASlowCallHasMissedComesAsOne) {
  bool slow = true;
  make(100ms, [&] {
    if (std::exchange(slow, false)) clock_.advance(250ms);
  }).start_service();
  pass(260ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 250, 300, 400, 500));
}

TEST_F(TimerServiceTest, ALateLoopDoesNotMoveTheLaterOnes) {
  make(100ms).start_service();
  turn();
  clock_.advance(330ms);
  pass(80ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 330, 400));
}

TEST_F(TimerServiceTest, GoesOnAfterACallThatThrows) {
  int errors = 0;
  reactor_.on_error([&](std::exception_ptr) { ++errors; });
  make(100ms, [] { throw std::runtime_error("tick"); }).start_service();
  pass(200ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 100, 200));
  EXPECT_EQ(errors, 3);
}

TEST_F(TimerServiceTest, MayBeStoppedOrDestroyedByItsCall) {
  make(100ms, [&] { service_->stop_service(); }).start_service();
  pass(200ms);
  EXPECT_THAT(ticks_, ElementsAre(0));
  std::vector<int> big(1000, 7);
  make(100ms, [this, big] {
    service_.reset();
    ticks_.push_back(big[999]);  // what it has captured is still there
  }).start_service();
  pass(200ms);
  EXPECT_THAT(ticks_, ElementsAre(0, 200, 7));
}

TEST_F(TimerServiceTest, WantsAnIntervalAndACall) {
  EXPECT_THROW(TimerService(reactor_, 0s, [] {}), std::invalid_argument);
  EXPECT_THROW(TimerService(reactor_, -1s, [] {}), std::invalid_argument);
  EXPECT_THROW(TimerService(reactor_, 1s, {}), std::invalid_argument);
}

}  // namespace
}  // namespace parley
