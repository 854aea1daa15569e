#include "parley/line/throttling.h"

#include "parley/line/policies_fixture.h"
#include "parley/reactor/loop/loop.h"
#include "parley/reactor/producer.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using Events = std::vector<std::string>;

struct Throttling : PolicyTest {
  void throttle(const ThrottleSettings& settings) { listen(parley::throttle(reactor, settings)); }
  Transport& transport() { return applications.at(0)->transport(); }
  std::size_t timers() { return reactor.loop().timers().size(); }
  // What is done inside the loop, and the turns that it takes to arrive.
  void inside(std::function<void()> what) {
    reactor.post(std::move(what));
    turns();
  }
};

TEST_F(Throttling, WithoutRatesEverythingPasses) {
  throttle({});
  MemoryPeer peer = connect();
  peer.send(std::string(200000, 'x'));
  inside([&] { transport().write(std::string(200000, 'y')); });
  EXPECT_EQ(received, 200000U);
  EXPECT_EQ(peer.received().size(), 200000U);
  EXPECT_EQ(timers(), 0U);
}

TEST_F(Throttling, InputComesAtItsRate) {
  throttle({.in = 1000});
  network.set_faults({.buffer_bytes = 100});
  MemoryPeer peer = connect();
  peer.send(std::string(6000, 'x'));
  std::vector<std::size_t> seen;
  for (int second = 0; second < 6; ++second) {
    turns(200);
    seen.push_back(received);
    pass(100ms, 10);
  }
  for (std::size_t second = 0; second < seen.size(); ++second) {
    EXPECT_NEAR(static_cast<double>(seen[second]), 1000.0 * static_cast<double>(second + 1), 101) << second;
  }
  EXPECT_EQ(received, 6000U);
  pass(10s);
  EXPECT_EQ(timers(), 0U);
}

TEST_F(Throttling, ALargeReadIsPaidForAfterwards) {
  throttle({.in = 1000});
  MemoryPeer peer = connect();
  peer.send(std::string(11000, 'x'));
  turns();
  EXPECT_EQ(received, 11000U);
  peer.send("more");
  const std::uint64_t before = reactor.loop().timers().added();
  pass(100ms, 99);
  EXPECT_EQ(received, 11000U);
  EXPECT_EQ(reactor.loop().timers().added(), before);  // it waits once
  pass(100ms, 2);
  EXPECT_EQ(received, 11004U);
}

TEST_F(Throttling, OutputLeavesAtItsRate) {
  throttle({.out = 1000});
  MemoryPeer peer = connect();
  std::string text;
  for (int i = 0; i < 6000; ++i) text += static_cast<char>('a' + i % 26);
  inside([&] {
    transport().write(text.substr(0, 500));
    transport().writelines(std::vector<std::string_view>{std::string_view(text).substr(500, 1000),
                                                         std::string_view(text).substr(1500, 1500)});
    transport().write(Slice(text.substr(3000)));
  });
  EXPECT_EQ(peer.received().size(), 1000U);
  EXPECT_EQ(transport().queued(), 5000U);
  const std::uint64_t before = reactor.loop().timers().added();
  for (int second = 1; second <= 5; ++second) {
    pass(10ms, 100);
    EXPECT_NEAR(static_cast<double>(peer.received().size()), 1000.0 * (second + 1), 101);
  }
  pass(10ms, 20);
  EXPECT_EQ(peer.received(), text);
  EXPECT_LE(reactor.loop().timers().added(), before + 52);  // ten a second
  EXPECT_EQ(transport().queued(), 0U);
  EXPECT_EQ(timers(), 0U);
}

TEST_F(Throttling, AllTogetherOrEachForItself) {
  for (const bool each : {false, true}) {
    applications.clear();
    throttle({.out = 1000, .each = each});
    MemoryPeer first = connect();
    MemoryPeer second = connect();
    inside([&] {
      for (Application* const one : applications) one->transport().write(std::string(3000, 'x'));
    });
    pass(100ms, 10);
    EXPECT_NEAR(static_cast<double>(first.received().size() + second.received().size()), each ? 4000 : 2000,
                202);
    first.reset();
    second.reset();
    turns();
  }
}

TEST_F(Throttling, ClosingWaitsForWhatIsQueued) {
  for (const bool by_peer : {false, true}) {
    events.clear();
    throttle({.out = 1000});
    MemoryPeer peer = connect();
    inside([&] {
      transport().write(std::string(3000, 'x'));
      if (!by_peer) transport().lose_connection();
      transport().lose_connection();
      EXPECT_FALSE(transport().reading());
      transport().write("dropped");
    });
    if (by_peer) peer.close();
    turns();
    pass(100ms, 19);
    EXPECT_FALSE(peer.ended());
    EXPECT_EQ(events.back(), "made");
    pass(100ms, 2);
    EXPECT_EQ(peer.received().size(), 3000U);
    EXPECT_TRUE(peer.ended());
    EXPECT_TRUE(events.back().starts_with("lost: closed"));
    if (!by_peer) peer.close();
    turns();
  }
}

TEST_F(Throttling, ThePeersEndWaitsForWhatIsQueued) {
  throttle({.out = 1000});
  MemoryPeer peer = connect();
  inside([&] { transport().write(std::string(3000, 'x')); });
  peer.close();
  turns();
  EXPECT_EQ(events, (Events{"made", "end"}));
  pass(100ms, 21);
  EXPECT_EQ(peer.received().size(), 3000U);
  EXPECT_EQ(events, (Events{"made", "end", "lost: closed by the peer"}));
}

TEST_F(Throttling, HalfCloseComesBehindWhatIsQueued) {
  throttle({.out = 1000});
  MemoryPeer peer = connect();
  inside([&] {
    transport().write(std::string(2000, 'x'));
    transport().shutdown_write();
    transport().write("dropped");
  });
  EXPECT_FALSE(peer.ended());
  pass(100ms, 11);
  EXPECT_EQ(peer.received().size(), 2000U);
  EXPECT_TRUE(peer.ended());
  peer.send("still read");
  turns();
  EXPECT_EQ(received, 10U);
}

// As for a peer that reads slowly: `Limits` says when.
TEST_F(Throttling, TheProtocolIsToldToPauseFromTheLoop) {
  throttle({.out = 40000});
  MemoryPeer peer = connect();
  inside([&] {
    transport().write(std::string(140000, 'x'));
    EXPECT_EQ(events, Events{"made"});  // not from inside a call
  });
  EXPECT_EQ(events, (Events{"made", "much"}));
  pass(100ms, 19);
  EXPECT_EQ(events, (Events{"made", "much"}));
  pass(100ms, 3);
  EXPECT_EQ(events, (Events{"made", "much", "little"}));
}

TEST_F(Throttling, WhoGoesOnWritingIsCutOffAtTheLimitOfEveryConnection) {
  throttle({.out = 1000});
  MemoryPeer peer = connect();
  for (int i = 0; i < 12 && !applications.empty(); ++i) {
    inside([&] { transport().write(std::string(100000, 'x')); });
  }
  EXPECT_EQ(events.back(), "lost: did not read what it was sent");
  EXPECT_EQ(timers(), 0U);
}

TEST_F(Throttling, TheApplicationsPauseOutlastsTheRest) {
  throttle({.in = 1000});
  MemoryPeer peer = connect();
  on_data = [](Transport& transport, std::string_view) { transport.pause_reading(); };
  peer.send(std::string(2000, 'x'));
  turns();
  peer.send("more");
  pass(100ms, 30);
  EXPECT_EQ(received, 2000U);
  inside([&] { transport().resume_reading(); });
  EXPECT_EQ(received, 2004U);
  // And the rest outlasts the application's resuming.
  on_data = [](Transport& transport, std::string_view) {
    transport.pause_reading();
    transport.resume_reading();
  };
  inside([&] { transport().resume_reading(); });
  peer.send(std::string(3000, 'x'));
  turns();
  peer.send("more");
  inside([&] { transport().resume_reading(); });
  EXPECT_EQ(received, 5004U);
  pass(100ms, 40);
  EXPECT_EQ(received, 5008U);
}

// Writes pieces of 300 bytes.
class Source final : public Producer {
 public:
  Source(Transport& transport, int pieces) : transport_(transport), left_(pieces) {}
  void resume_producing() override {
    ++asked;
    if (left_-- > 0) return transport_.write(std::string(300, 'x'));
    transport_.unregister_producer();
  }
  void pause_producing() override { ++paused; }
  void stop_producing() override { stopped = true; }
  int asked = 0;
  int paused = 0;
  bool stopped = false;

 private:
  Transport& transport_;
  int left_;
};

TEST_F(Throttling, APulledProducerIsAskedAtTheRate) {
  throttle({.out = 1000});
  MemoryPeer peer = connect();
  Source source(transport(), 10);
  inside([&] {
    transport().register_producer(source, Production::pulled);
    transport().lose_connection();
  });
  turns(60);
  EXPECT_NEAR(static_cast<double>(peer.received().size()), 1000, 1);
  for (int i = 0; i < 41; ++i) {
    if (!applications.empty()) {
      EXPECT_LE(transport().queued(), 300U);
    }
    pass(50ms);
  }
  EXPECT_EQ(peer.received().size(), 3000U);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(events.back(), "lost: closed");
}

TEST_F(Throttling, AStreamingProducerIsPausedAndResumed) {
  throttle({.out = 40000});
  MemoryPeer peer = connect();
  Source source(transport(), 100);
  inside([&] {
    transport().register_producer(source, Production::streaming);
    transport().write(std::string(140000, 'x'));
  });
  EXPECT_EQ(source.paused, 1);
  EXPECT_EQ(source.asked, 0);
  pass(100ms, 22);
  EXPECT_EQ(source.asked, 1);
  peer.reset();
  turns();
  EXPECT_TRUE(source.stopped);
}

TEST_F(Throttling, ClosingWaitsForAProducerAndWhatItHasWritten) {
  throttle({.out = 1000});
  MemoryPeer peer = connect();
  Source source(transport(), 1);
  inside([&] {
    transport().register_producer(source, Production::streaming);
    transport().lose_connection();
  });
  inside([&] {
    for (int i = 0; i < 3; ++i) transport().write(std::string(1000, 'x'));
    transport().unregister_producer();
    transport().write("dropped");
  });
  pass(100ms, 21);
  EXPECT_EQ(peer.received().size(), 3000U);
  EXPECT_TRUE(peer.ended());
}

TEST_F(Throttling, RandomWritesArriveWholeAndInOrder) {
  throttle({.out = 100000});
  network.set_faults(MemoryFaults::rough());
  MemoryPeer peer = connect();
  for (int i = 0; i < 100 && applications.empty(); ++i) turns();
  std::string all;
  for (std::size_t i = 0; i < 400; ++i) {
    const std::string piece(i * 37 % 2000, static_cast<char>('a' + i % 26));
    all += piece;
    inside([&] { i % 3 == 0 ? transport().write(Slice(piece)) : transport().write(piece); });
    pass(1ms);
  }
  for (int i = 0; i < 2000 && peer.received().size() < all.size(); ++i) pass(10ms);
  EXPECT_EQ(peer.received(), all);
}

}  // namespace
}  // namespace parley
