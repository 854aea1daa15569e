#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "parley/reactor/threads/blocking_call.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class BlockingCall : public testing::Test {
 protected:
  Reactor reactor_;
};

TEST_F(BlockingCall, WaitsForWhatTheLoopAnswers) {
  const std::thread::id loop = std::this_thread::get_id();
  std::vector<int> order;
  std::thread other([&] {
    const auto number = blocking_call_from_thread(reactor_, [&] {
      EXPECT_EQ(std::this_thread::get_id(), loop);
      order.push_back(1);
      return std::make_unique<int>(42);
    });
    EXPECT_EQ(*number, 42);
    blocking_call_from_thread(reactor_, [&, kept = std::make_unique<int>(2)] { order.push_back(*kept); });
    EXPECT_EQ(blocking_call_from_thread(reactor_, [&]() -> std::vector<int>& { return order; }).size(), 2U);
    EXPECT_TRUE(reactor_.running());
    reactor_.stop();
  });
  EXPECT_FALSE(reactor_.running());
  reactor_.run();
  EXPECT_FALSE(reactor_.running());
  other.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(BlockingCall, ThrowsWhatTheCallThrows) {
  int told = 0;
  reactor_.on_error([&](std::exception_ptr) { ++told; });
  std::thread other([&] {
    try {
      blocking_call_from_thread(reactor_, [] { throw std::runtime_error("not today"); });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "not today");
    }
    reactor_.stop();
  });
  reactor_.run();
  other.join();
  EXPECT_EQ(told, 0) << "it belongs to whoever has called";
}

TEST_F(BlockingCall, ManyThreadsAtOnce) {
  int sum = 0;  // of the loop's thread alone
  std::atomic<int> left = 8;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 200; ++j) {
        EXPECT_EQ(blocking_call_from_thread(reactor_, [&, i, j] { return ++sum, i * 1000 + j; }),
                  i * 1000 + j);
      }
      if (--left == 0) reactor_.stop();
    });
  }
  reactor_.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 8 * 200);
}

// Nobody waits for ever for a loop that turns no more.
TEST_F(BlockingCall, AReactorThatStopsRefusesWhoWaits) {
  std::atomic<int> refused = 0;
  bool stopped = false;
  std::thread other([&] {
    // Once: a stop that is asked for in the last turn would be the next run's.
    const auto stop = [&] {
      if (!std::exchange(stopped, true)) reactor_.stop();
    };
    try {
      for (;;) blocking_call_from_thread(reactor_, stop);
    } catch (const ReactorStopped& error) {
      EXPECT_THAT(error.what(), HasSubstr("the reactor has stopped"));
      ++refused;
    }
    EXPECT_THROW(blocking_call_from_thread(reactor_, [] {}), ReactorStopped) << "between two times";
  });
  reactor_.run();
  other.join();
  EXPECT_EQ(refused, 1);
  // It may run again, and answers then.
  std::atomic<bool> begun = false;
  std::thread third([&] {
    while (!begun) std::this_thread::yield();
    EXPECT_EQ(blocking_call_from_thread(reactor_, [] { return 3; }), 3);
    reactor_.stop();
  });
  reactor_.post([&] { begun = true; });
  reactor_.run();
  third.join();
}

TEST_F(BlockingCall, SoDoesOneThatIsTurnedByHand) {
  std::thread other([&] {
    EXPECT_EQ(blocking_call_from_thread(reactor_, [] { return 5; }), 5);
    reactor_.stop();
  });
  while (reactor_.turn(10ms)) EXPECT_FALSE(reactor_.running());
  other.join();
  std::thread late([&] { EXPECT_THROW(blocking_call_from_thread(reactor_, [] {}), ReactorStopped); });
  late.join();
}

// One of its own threads waits for a loop that never turns again, and ~Reactor for that thread.
TEST_F(BlockingCall, AReactorThatGoesLetsItsOwnThreadsGo) {
  std::atomic<bool> refused = false;
  std::atomic<bool> begun = false;
  {
    Reactor going;
    going.call_in_thread([&] {
      begun = true;
      try {
        blocking_call_from_thread(going, [] {});
      } catch (const ReactorStopped&) {
        refused = true;
      }
    });
    while (!begun) std::this_thread::yield();
  }
  EXPECT_TRUE(refused);
}

TEST_F(BlockingCall, OnItsOwnThreadItWouldWaitForItself) {
  EXPECT_THROW(blocking_call_from_thread(reactor_, [] {}), std::logic_error);
  Reactor other;
  bool refused = false;
  reactor_.post([&] {
    try {
      blocking_call_from_thread(other, [] {});
    } catch (const std::logic_error&) {
      refused = true;
    }
  });
  reactor_.turn(0s);
  reactor_.turn(0s);
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace parley
