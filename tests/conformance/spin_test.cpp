// Rule 7: a loop that has nothing to do waits.

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Spinning : public Conformance {
 protected:
  // Whether every turn takes the time it was given.
  void expect_rest() {
    settle();
    counts_.idle = 0;
    const std::size_t upcalls = counts_.upcalls;
    const auto begin = std::chrono::steady_clock::now();
    const Time now = outside().clock().now();
    for (int i = 0; i < 8; ++i) reactor().turn(2ms);
    const Duration waited =
        std::max<Duration>(std::chrono::steady_clock::now() - begin, outside().clock().now() - now);
    EXPECT_EQ(counts_.idle, 0U) << "turns came back early with nothing";
    EXPECT_LE(counts_.upcalls, upcalls + 1) << "the same is told again and again";
    EXPECT_GE(waited, 14ms) << "turns do not wait";
  }
  // Makes the kernel full.
  void fill(const Client& client) {
    for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
      client.wire().write(text_of(16000));
      settle();
    }
  }
};
PARLEY_CONFORMANCE(Spinning);
PARLEY_CONFORMANCE_UNDER_FILTERS(Spinning);

const Script paused{.made = [](Actor& actor) { actor.wire().pause_reading(); }};

TEST_P(Spinning, Rule7_NobodyDoesAnything) {
  const Client client = join();
  expect_rest();
}

TEST_P(Spinning, Rule7_InputWaitsWhilePaused) {
  const Client client = join(paused);
  client.peer->send(text_of(1000));
  expect_rest();
}

TEST_P(Spinning, Rule7_PausedInTheMiddleOfInput) {
  const Client client =
      join({.received = [](Actor& actor, std::string_view) { actor.wire().pause_reading(); }});
  client.peer->send(text_of(10000));
  expect_rest();
}

TEST_P(Spinning, Rule7_ThePeerEndsWhilePaused) {
  const Client client = join(paused);
  client.peer->send("last words");
  client.peer->close();
  expect_rest();
}

// With epoll a descriptor that nothing is wanted of would report this for ever.
TEST_P(Spinning, Rule7_ThePeerResetsWhilePaused) {
  const Client client = join(paused);
  client.peer->reset();
  expect_rest();
}

TEST_P(Spinning, Rule7_HalfClosedByThePeer) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.peer->close();
  expect_rest();
}

TEST_P(Spinning, Rule7_HalfClosedByThePeerThenReset) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.peer->close();
  settle();
  client.peer->reset();
  expect_rest();
}

TEST_P(Spinning, Rule7_HalfClosedByUsAndPaused) {
  const Client client = join(paused);
  client.wire().shutdown_write();
  client.peer->close();
  expect_rest();
}

TEST_P(Spinning, Rule7_APeerThatDoesNotRead) {
  const Client client = join(paused, true);
  client.peer->window(0);
  fill(client);
  expect_rest();
  client.peer->close();
  expect_rest();
}

TEST_P(Spinning, Rule7_APeerThatReadsAgain) {
  const Client client = join({}, true);
  client.peer->window(0);
  fill(client);
  ASSERT_NE(client.wire().queued(), 0U);
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.wire().queued() == 0; }));
  expect_rest();
}

TEST_P(Spinning, Rule7_ConnectionsThatLinger) {
  const Client client = join();
  const Client closing = join({}, true);
  closing.peer->window(0);
  fill(closing);
  client.wire().lose_connection();
  closing.wire().lose_connection();
  expect_rest();
}

TEST_P(Spinning, Rule7_NoDescriptorIsLeftForWhoeverWaits) {
  outside().leave(Outside::Means::none);
  const Client client = come();
  expect_rest();
  pass(100ms);
  expect_rest();
  EXPECT_FALSE(client.story->made());
  outside().leave(Outside::Means::enough);
  pass(100ms);
  EXPECT_TRUE(until([&] { return client.story->made(); }));
}

TEST_P(Spinning, Rule7_AWatchWantsNothing) {
  const std::unique_ptr<Signal> signal = outside().signal();
  signal->raise();
  int calls = 0;
  Watching watching = reactor().watch(signal->descriptor(), Interest::none, [&](Interest) { ++calls; });
  expect_rest();
  EXPECT_EQ(calls, 0);
  watching.stop();
}

}  // namespace
}  // namespace parley::conformance
