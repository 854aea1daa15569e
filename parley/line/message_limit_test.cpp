#include "parley/line/message_limit.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parley/line/line_receiver.h"
#include "parley/line/policies_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// Counts the lines that it is given.
class Limited final : public LineReceiver {
 public:
  Limited(Reactor& reactor, const MessageRate& rate, std::vector<std::string>& lines)
      : reactor_(reactor), rate_(rate), lines_(lines) {}

 private:
  void line_received(std::string_view line) override {
    lines_.emplace_back(line);
    limit_.count(reactor_, transport(), rate_);
  }

  Reactor& reactor_;
  const MessageRate& rate_;
  std::vector<std::string>& lines_;
  MessageLimit limit_;
};

struct MessageLimitTest : PolicyTest {
  MessageLimitTest() {
    port =
        reactor
            .listen_tcp({"127.0.0.1", 0}, [this] { return std::make_unique<Limited>(reactor, rate, lines); })
            .host()
            .port();
  }
  static std::string some(int count) {
    std::string sent;
    for (int i = 0; i < count; ++i) sent += concat(i, "\n");
    return sent;
  }

  MessageRate rate{.per_second = 20, .burst = 5};
  std::vector<std::string> lines;
};

TEST_F(MessageLimitTest, ABurstComesAtOnceAndThenTheRateHolds) {
  MemoryPeer peer = connect();
  peer.send(some(100));
  turns();
  EXPECT_EQ(lines.size(), 5U);
  for (std::size_t i = 6; i <= 30; ++i) {
    pass(49ms);
    EXPECT_EQ(lines.size(), i - 1);
    pass(1ms);
    EXPECT_EQ(lines.size(), i);
  }
  pass(50ms, 100);
  ASSERT_EQ(lines.size(), 100U) << "nothing is lost";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(lines[static_cast<std::size_t>(i)], concat(i)) << "nor reordered";
}

TEST_F(MessageLimitTest, WhoRestsHasItsBurstAgain) {
  MemoryPeer peer = connect();
  peer.send(some(5));
  turns();
  EXPECT_EQ(lines.size(), 5U);
  pass(100ms);
  peer.send(some(10));
  turns();
  EXPECT_EQ(lines.size(), 7U) << "two for 100 ms";
  pass(50ms, 20);
  EXPECT_EQ(lines.size(), 15U);
  pass(10s);
  peer.send(some(10));
  turns();
  EXPECT_EQ(lines.size(), 20U);
}

TEST_F(MessageLimitTest, WhoKeepsToTheRateNeverWaits) {
  MemoryPeer peer = connect();
  for (std::size_t i = 1; i <= 500; ++i) {
    peer.send("x\n");
    turns();
    ASSERT_EQ(lines.size(), i);
    pass(50ms);
  }
}

TEST_F(MessageLimitTest, OneWaitsAndNotTheOthers) {
  MemoryPeer flooder = connect();
  MemoryPeer other = connect();
  flooder.send(some(1000));
  turns();
  EXPECT_EQ(lines.size(), 5U);
  other.send("me\n");
  turns();
  EXPECT_EQ(lines.back(), "me");
}

TEST_F(MessageLimitTest, WhatItSendsMeanwhileStaysWithIt) {
  MemoryPeer peer = connect();
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    peer.send(std::string(10000, 'x') + "\n");
    pass(1ms);
    taken = lines.size();
  }
  EXPECT_LE(taken, 8U);
  EXPECT_GT(peer.unread(), 800'000U);
}

TEST_F(MessageLimitTest, ItsLastLinesComeBeforeItsEnd) {
  MemoryPeer peer = connect();
  peer.send(some(8) + "last");
  peer.close();
  turns();
  EXPECT_EQ(lines.size(), 5U);
  EXPECT_EQ(reactor.connections(), 1U);
  pass(50ms, 10);
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(lines.back(), "last");
  EXPECT_EQ(reactor.connections(), 0U);
}

TEST_F(MessageLimitTest, OneThatIsLostWhileItWaitsIsNotTouched) {
  MemoryPeer peer = connect();
  peer.send(some(50));
  turns();
  reactor.stop(0s);
  reactor.run();
  pass(1s);
  EXPECT_EQ(lines.size(), 5U);
}

TEST_F(MessageLimitTest, Without) {
  rate.per_second = 0;
  MemoryPeer peer = connect();
  peer.send(some(5000));
  turns();
  EXPECT_EQ(lines.size(), 5000U);
}

TEST_F(MessageLimitTest, OddRates) {
  for (const MessageRate odd :
       {MessageRate{.per_second = 1, .burst = 0}, MessageRate{.per_second = 1, .burst = 1}}) {
    rate = odd;
    lines.clear();
    MemoryPeer peer = connect();
    peer.send(some(3));
    turns();
    EXPECT_EQ(lines.size(), 1U);
    pass(1s);
    EXPECT_EQ(lines.size(), 2U);
    pass(1s, 2);
    EXPECT_EQ(lines.size(), 3U);
  }
  rate = {.per_second = 4'000'000'000, .burst = 4'000'000'000};
  MemoryPeer fast = connect();
  fast.send(some(1000));
  turns();
  EXPECT_EQ(lines.size(), 1003U);
}

// Four bytes count for long, and begin anew: whoever was silent still has its burst.
TEST_F(MessageLimitTest, ALongSilence) {
  MemoryPeer peer = connect();
  const Duration microseconds = 4'294'967'296us;  // 72 minutes
  for (const Duration silence : {Duration(36min), microseconds - 200ms, microseconds, microseconds + 200ms,
                                 Duration(100h), 200 * microseconds - 200ms, Duration(5000h)}) {
    lines.clear();
    peer.send(some(5));
    turns();
    EXPECT_EQ(lines.size(), 5U) << silence.count();
    pass(silence);
  }
}

// The longest silence that it promises to tell apart: of 2^30 messages, less the burst.
TEST_F(MessageLimitTest, TheLongestSilence) {
  for (const std::uint32_t burst : {5U, 1000U}) {
    rate.burst = burst;
    MemoryPeer peer = connect();
    for (const int before : {1, static_cast<int>(burst)}) {
      peer.send(some(before));
      turns();
      pass(50ms * ((std::int64_t{1} << 30U) - burst));
      lines.clear();
      peer.send(some(static_cast<int>(burst) + 1));
      turns();
      EXPECT_EQ(lines.size(), burst);
      pass(50ms * burst, 2);
      EXPECT_EQ(lines.size(), burst + 1);
    }
  }
}

TEST_F(MessageLimitTest, WhoComesAtAnyTimeHasItsBurst) {
  const Duration quarters = 12'500us * (std::int64_t{1} << 32U);  // 20 months
  for (const Duration when : {Duration(2 * 4'294'967'296us - 200ms), Duration(3 * 4'294'967'296us),
                              quarters - 200ms, quarters, quarters + 200ms}) {
    pass(when - reactor.now().time_since_epoch());
    lines.clear();
    MemoryPeer peer = connect();
    peer.send(some(6));
    turns();
    EXPECT_EQ(lines.size(), 5U) << when.count();
    pass(100ms);
    EXPECT_EQ(lines.size(), 6U) << when.count();
  }
}

TEST_F(MessageLimitTest, ABurstOfAnHour) {
  rate = {.per_second = 1, .burst = 3600};
  MemoryPeer peer = connect();
  peer.send(some(4000));
  turns();
  EXPECT_EQ(lines.size(), 3600U);
  pass(999ms);
  EXPECT_EQ(lines.size(), 3600U);
  pass(1ms);
  EXPECT_EQ(lines.size(), 3601U);
}

// Who begins between two ticks has nothing more for it, and waits exactly from the next on.
TEST_F(MessageLimitTest, BetweenTicks) {
  pass(7ms);  // a tick has 12.5
  MemoryPeer peer = connect();
  peer.send(some(100));
  turns();
  EXPECT_EQ(lines.size(), 5U);
  pass(50ms);
  EXPECT_EQ(lines.size(), 5U);
  pass(5500us);
  for (std::size_t i = 6; i <= 50; ++i) {
    EXPECT_EQ(lines.size(), i);
    pass(49ms);
    EXPECT_EQ(lines.size(), i);
    pass(1ms);
  }
}

}  // namespace
}  // namespace parley
