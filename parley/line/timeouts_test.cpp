#include "parley/line/timeouts.h"

#include <stdexcept>

#include "parley/line/line_receiver.h"
#include "parley/line/policies_fixture.h"
#include "parley/reactor/loop/loop.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using Events = std::vector<std::string>;

using Timeouts = PolicyTest;

TEST_F(Timeouts, AnIdleConnectionEnds) {
  listen(idle_timeout(reactor, 30s));
  MemoryPeer peer = connect();
  pass(29s);
  EXPECT_EQ(events, Events{"made"});
  pass(1s);
  EXPECT_EQ(events, (Events{"made", "lost: closed"}));
  EXPECT_TRUE(peer.ended());
}

TEST_F(Timeouts, WhatPassesInEitherDirectionPutsItOff) {
  listen(idle_timeout(reactor, 30s));
  MemoryPeer peer = connect();
  for (int i = 0; i < 4; ++i) {
    pass(29s);
    peer.send("x");
    turns();
    pass(29s);
    applications[0]->transport().write("y");
    turns();
    pass(29s);
    applications[0]->transport().write(Slice::permanent("y"));
    turns();
    pass(29s);
    applications[0]->transport().writelines(std::vector<std::string_view>{"y"});
    turns();
  }
  EXPECT_EQ(events, Events{"made"});
  pass(29s);
  EXPECT_EQ(events, Events{"made"});
  pass(1s);
  EXPECT_EQ(events.size(), 2U);
}

TEST_F(Timeouts, TimeCountsFromWhatHappensAndNotFromTheTurnsBeginning) {
  listen(idle_timeout(reactor, 30s));
  MemoryPeer peer = connect();
  reactor.call_later(Duration::zero(), [&] {
    clock.advance(29s);  // a callback that works for long
    applications[0]->transport().write("y");
  });
  turns();
  pass(29s);
  EXPECT_EQ(events, Events{"made"});
  pass(1s);
  EXPECT_EQ(events.size(), 2U);
}

TEST_F(Timeouts, NoTimerIsLeftBehind) {
  listen(idle_timeout(reactor, 30s));
  MemoryPeer peer = connect();
  EXPECT_EQ(reactor.loop().timers().size(), 1U);
  peer.reset();
  turns();
  EXPECT_EQ(reactor.loop().timers().size(), 0U);
  pass(60s);
}

TEST_F(Timeouts, ActivityCostsNoTimers) {
  listen(idle_timeout(reactor, 30s));
  std::vector<MemoryPeer> peers;
  for (int i = 0; i < 100; ++i) peers.push_back(network.connect(port));
  turns();
  ASSERT_EQ(applications.size(), 100U);
  const std::uint64_t before = reactor.loop().timers().added();
  for (int i = 0; i < 30; ++i) {
    for (MemoryPeer& peer : peers) peer.send("x");
    pass(1s);
  }
  turns();
  EXPECT_LE(reactor.loop().timers().added(), before + 100);  // one look each
  EXPECT_EQ(reactor.loop().timers().size(), 100U);
}

class Session : public TimeoutMixIn<LineReceiver> {
 public:
  Session(Reactor& reactor, Events& events)
      : TimeoutMixIn(reactor, LineSettings{.max_length = 100}), events_(events) {}

  void connection_made() override { set_timeout(10s); }
  void line_received(std::string_view line) override {
    if (line == "never") {
      EXPECT_EQ(set_timeout(std::nullopt), Duration(10s));
      EXPECT_EQ(set_timeout(std::nullopt), std::nullopt);
    } else if (line == "short") {
      set_timeout(1s);
    } else if (line == "throw") {
      throws_ = true;
    }
    reset_timeout();
  }
  void timeout_connection() override {
    events_.emplace_back("timeout");
    if (throws_) throw std::runtime_error("in a timeout");
    TimeoutMixIn::timeout_connection();
  }
  void connection_lost(Reason reason) override { events_.push_back(concat("lost: ", reason)); }

 private:
  Events& events_;
  bool throws_ = false;
};

struct Sessions : Timeouts {
  Sessions() {
    listen(factory([this] { return std::make_unique<Session>(reactor, events); }));
    peer = connect();
  }
  MemoryPeer peer;
};

TEST_F(Sessions, TheProtocolSaysWhatCountsAsIdle) {
  pass(9s);
  peer.send("no line");
  pass(1s);
  EXPECT_EQ(events, (Events{"timeout", "lost: closed"}));
}

TEST_F(Sessions, ResetAndSetAnew) {
  for (int i = 0; i < 5; ++i) {
    peer.send("line\n");
    pass(9s);
  }
  peer.send("short\n");
  turns();
  EXPECT_EQ(events, Events{});
  pass(1s);
  EXPECT_EQ(events, (Events{"timeout", "lost: closed"}));
}

TEST_F(Sessions, WithoutATimeoutItWaitsForEver) {
  peer.send("never\n");
  turns();
  pass(24h);
  EXPECT_EQ(events, Events{});
}

TEST_F(Sessions, WhatEscapesAbortsTheConnection) {
  int errors = 0;
  reactor.on_error([&](const std::exception_ptr&) { ++errors; });
  peer.send("throw\n");
  turns();
  testing::internal::CaptureStderr();
  pass(10s);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("in a timeout"), std::string::npos);
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(events, (Events{"timeout", "lost: aborted"}));
}

TEST_F(Sessions, ALostOneTimesOutNoMore) {
  peer.close();
  turns();
  EXPECT_EQ(events, Events{"lost: closed by the peer"});
  EXPECT_EQ(reactor.loop().timers().size(), 0U);
}

}  // namespace
}  // namespace parley
