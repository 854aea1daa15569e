// Timers and posts.

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Timing : public Conformance {};
PARLEY_CONFORMANCE(Timing);
PARLEY_CONFORMANCE_UNDER_FILTERS(Timing);

TEST_P(Timing, TheLongestTimeDoesNotOverflow) {
  bool called = false;
  Timer timer = reactor().call_later(Duration::max(), [&] { called = true; });
  Timer moved = reactor().call_later(1h, [&] { called = true; });
  moved.delay(Duration::max());
  settle();
  moved.reset(Duration::max());
  settle();
  EXPECT_FALSE(called);
  EXPECT_TRUE(timer.active() && moved.active());
  timer.cancel();
  moved.cancel();
}

TEST_P(Timing, CallsComeByTimeThenAsAdded) {
  std::string order;
  const auto add = [&](Duration after, char name) {
    reactor().call_later(after, [&order, name] { order += name; });
  };
  add(30ms, 'd');
  add(10ms, 'a');
  add(20ms, 'b');
  add(20ms, 'c');
  add(30ms, 'e');
  settle();
  EXPECT_EQ(order, "");
  pass(9999us);
  EXPECT_EQ(order, "");
  pass(1us);
  EXPECT_EQ(order, "a");
  pass(50ms);
  EXPECT_EQ(order, "abcde");
  pass(1h);
  EXPECT_EQ(order, "abcde");
}

TEST_P(Timing, Rule8_ATimerMayCancelOthersAndItself) {
  std::string order;
  Timer second;
  Timer third;
  Timer first = reactor().call_later(1ms, [&] {
    order += '1';
    EXPECT_FALSE(first.active());
    first.cancel();
    second.cancel();
    third.delay(5ms);
  });
  second = reactor().call_later(1ms, [&] { order += '2'; });
  third = reactor().call_later(1ms, [&] { order += '3'; });
  const Timer copy = second;
  EXPECT_TRUE(copy.active());
  pass(1ms);
  EXPECT_EQ(order, "1");
  EXPECT_FALSE(copy.active());
  EXPECT_TRUE(third.active());
  pass(4999us);
  EXPECT_EQ(order, "1");
  pass(1us);
  EXPECT_EQ(order, "13");
  third.delay(1ms);
  third.reset(1ms);
  second.reset(0ms);
  pass(1s);
  EXPECT_EQ(order, "13");
}

TEST_P(Timing, ResettingCountsFromNow) {
  int calls = 0;
  Timer timer = reactor().call_later(10ms, [&] { ++calls; });
  for (int i = 0; i < 5; ++i) {
    pass(9ms);
    timer.reset(10ms);
  }
  EXPECT_EQ(calls, 0);
  pass(10ms);
  EXPECT_EQ(calls, 1);
}

TEST_P(Timing, WhatIsAddedMeanwhileWaitsForTheNextTurn) {
  int calls = 0;
  const std::function<void()> again = [&] {
    if (++calls > 8) return;
    reactor().call_later(0ms, again);
    reactor().post([&] { ++calls; });
  };
  reactor().call_later(0ms, again);
  turn();
  EXPECT_EQ(calls, 1);  // the timer
  turn();
  EXPECT_EQ(calls, 3);  // its timer, and its post
  turn();
  EXPECT_EQ(calls, 5);
  settle();
  EXPECT_GE(calls, 9);
}

TEST_P(Timing, PostsComeInOrder) {
  std::string order;
  reactor().post([&] {
    order += 'a';
    reactor().post([&] { order += 'c'; });
    EXPECT_EQ(order, "a");
  });
  reactor().post([&] { order += 'b'; });
  EXPECT_EQ(order, "");
  settle();
  EXPECT_EQ(order, "abc");
}

TEST_P(Timing, AnExceptionHarmsNobodyElse) {
  std::vector<std::string> escaped;
  reactor().on_error([&](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      escaped.emplace_back(e.what());
      throw;  // that neither
    }
  });
  int calls = 0;
  reactor().call_later(1ms, [] { throw std::runtime_error("timer"); });
  reactor().call_later(1ms, [&] { ++calls; });
  reactor().post([] { throw std::runtime_error("post"); });
  reactor().post([&] { ++calls; });
  const std::unique_ptr<Signal> signal = outside().signal();
  Watching watching;
  watching = reactor().watch(signal->descriptor(), Interest::read, [&](Interest) {
    watching.stop();
    throw std::runtime_error("watch");
  });
  signal->raise();
  pass(1ms);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(escaped, (std::vector<std::string>{"timer", "post", "watch"}));
}

TEST_P(Timing, TimeStandsStillWithinACallback) {
  reactor().call_later(5ms, [&] {
    const Time before = reactor().now();
    outside().clock().advance(1s);
    EXPECT_EQ(reactor().now(), before);
  });
  const Time begin = outside().clock().now();
  pass(5ms);
  EXPECT_EQ(outside().clock().now(), begin + 1005ms);
  EXPECT_GE(reactor().now(), begin + 1005ms);
}

TEST_P(Timing, AMillionAreCheap) {
  const int many = GetParam().name == "memory_calm" || GetParam().name == "epoll" ? 1000000 : 50000;
  std::vector<Timer> timers;
  timers.reserve(static_cast<std::size_t>(many));
  int calls = 0;
  for (int i = 0; i < many; ++i) {
    timers.push_back(reactor().call_later(1s + Duration((i * 7919LL) % many), [&calls] { ++calls; }));
  }
  const Client client = join();
  client.peer->send("a word");
  ASSERT_TRUE(until([&] { return client.story->received == "a word"; }));
  for (int turns = 0; turns < 500; ++turns) reactor().turn(0s);
  for (std::size_t i = 0; i < timers.size(); i += 2) timers[i].cancel();
  EXPECT_EQ(calls, 0);
  outside().clock().advance(1s + 2ms);
  turn();
  EXPECT_EQ(calls, many / 2);
}

}  // namespace
}  // namespace parley::conformance
