// Stopping: no new connections; then what is queued leaves, for so long; then the rest is cut.

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Stops : public Conformance {
 protected:
  // Turns until the reactor has stopped; the clock stands still.
  bool stops() {
    for (int i = 0; i < 20000; ++i) {
      if (!reactor().turn(0s)) return true;
      outside().move();
    }
    return false;
  }
  // Turns for a while. False when it has stopped meanwhile.
  bool goes_on() {
    for (int i = 0; i < 100; ++i) {
      if (!reactor().turn(0s)) return false;
      outside().move();
    }
    return true;
  }
  void fill(const Client& client) {
    client.peer->window(0);
    for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
      client.wire().write(text_of(16000));
      settle();
    }
  }
};
PARLEY_CONFORMANCE(Stops);
PARLEY_CONFORMANCE_UNDER_FILTERS(Stops);

TEST_P(Stops, InThreePhases) {
  const Client quick = join();
  const Client slow = join({}, true);
  const Client paused = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  fill(slow);
  paused.peer->send("unread");
  quick.wire().write("good-bye");
  paused.wire().write("good-bye");
  reactor().stop(3s);
  ASSERT_TRUE(goes_on());
  EXPECT_TRUE(outside().connect({"127.0.0.1", port()})->was_reset());
  EXPECT_EQ(quick.story->reason->kind(), Reason::Kind::closed);
  EXPECT_EQ(paused.story->reason->kind(), Reason::Kind::closed);
  EXPECT_EQ(quick.peer->received(), "good-bye");
  EXPECT_EQ(paused.peer->received(), "good-bye");
  EXPECT_TRUE(quick.peer->ended());
  quick.peer->close();
  paused.peer->close();
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(counts_.open, 1U);
  outside().clock().advance(2900ms);
  ASSERT_TRUE(goes_on());
  EXPECT_FALSE(slow.story->lost());
  outside().clock().advance(100ms);
  ASSERT_TRUE(stops());
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::aborted);
  EXPECT_EQ(counts_.open, 0U);
  EXPECT_EQ(Actor::alive(), 0U);
}

TEST_P(Stops, WhatIsQueuedForASlowOneLeavesWithinTheTime) {
  const Client slow = join({}, true);
  slow.peer->window(0);
  const std::string text = text_of(300000);
  slow.wire().write(text);
  settle();
  EXPECT_GT(slow.wire().queued(), 0U);
  reactor().stop(5s);
  ASSERT_TRUE(goes_on());
  slow.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return slow.peer->ended(); }));
  EXPECT_SAME(slow.peer->received(), text);
  slow.peer->close();
  ASSERT_TRUE(stops());
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(Stops, NobodyThereStopsAtOnce) {
  reactor().stop();
  EXPECT_FALSE(reactor().turn(0s));
}

TEST_P(Stops, WithoutTimeEverybodyIsCutOff) {
  const Client slow = join({}, true);
  fill(slow);
  reactor().stop(0s);
  ASSERT_TRUE(stops());
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::aborted);
  EXPECT_EQ(counts_.open, 0U);
}

TEST_P(Stops, ForEverIsATimeToo) {
  const Client slow = join({}, true);
  fill(slow);
  reactor().stop(Duration::max());
  ASSERT_TRUE(goes_on());
  EXPECT_FALSE(slow.story->lost());
  slow.peer->window(Peer::everything);
  slow.peer->close();
  ASSERT_TRUE(stops());
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(Stops, AgainMayOnlyHurry) {
  const Client slow = join({}, true);
  fill(slow);
  reactor().stop(10s);
  ASSERT_TRUE(goes_on());
  reactor().stop(1h);
  outside().clock().advance(2s);
  ASSERT_TRUE(goes_on());
  reactor().stop(1s);
  ASSERT_TRUE(goes_on());
  outside().clock().advance(1s);
  ASSERT_TRUE(stops());
}

TEST_P(Stops, AgainDoesNotLengthenIt) {
  const Client slow = join({}, true);
  fill(slow);
  reactor().stop(10s);
  ASSERT_TRUE(goes_on());
  reactor().stop(1h);
  outside().clock().advance(9s);
  ASSERT_TRUE(goes_on());
  reactor().stop(1h);
  outside().clock().advance(1s);
  ASSERT_TRUE(stops());
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::aborted);
}

TEST_P(Stops, FromInsideEachCallback) {
  for (const std::string_view callback : {"made", "received", "lost"}) {
    SCOPED_TRACE(callback);
    start();
    const auto stop = [&](std::string_view here) {
      if (here == callback) reactor().stop(0s);
    };
    const Client client = come({.made = [&](Actor&) { stop("made"); },
                                .received =
                                    [&](Actor& actor, std::string_view) {
                                      stop("received");
                                      actor.wire().lose_connection();
                                    },
                                .lost = [&](Actor&, const Reason&) { stop("lost"); }});
    client.peer->send("x");
    ASSERT_TRUE(stops());
    EXPECT_TRUE(client.story->lost());
  }
}

TEST_P(Stops, AfterwardsItMayRunAgain) {
  reactor().stop(0s);
  ASSERT_TRUE(stops());
  bool posted = false;
  reactor().post([&] { posted = true; });
  Story& story = new_story();
  const ListeningPort at =
      reactor().listen_tcp({"127.0.0.1", 0}, [&] { return std::make_unique<Actor>(story, Script{}); });
  const std::unique_ptr<Peer> peer = outside().connect(at.host());
  peer->send("hello again");
  ASSERT_TRUE(until([&] { return story.received == "hello again"; }));
  EXPECT_TRUE(posted);
}

TEST_P(Stops, RunReturnsWhenAllHasEnded) {
  if (!in_memory()) {
    // Sockets do not follow the clock by hand: only what needs no time. tests with threads let them run.
    const Client client = join();
    client.wire().write("good-bye");
    reactor().stop(0s);
    reactor().run();
    EXPECT_TRUE(client.story->lost());
    return;
  }
  const Client client = join();
  const Client slow = join({}, true);
  fill(slow);
  int calls = 0;
  reactor().call_later(1h, [&] {
    ++calls;
    client.wire().write("good-bye");
    reactor().stop(2s);
  });
  const Time begin = outside().clock().now();
  reactor().run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(outside().clock().now(), begin + 1h + 2s);
  EXPECT_EQ(client.peer->received(), "good-bye");
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::aborted);
  EXPECT_EQ(counts_.open, 0U);
}

TEST_P(Stops, BeforeRun) {
  const Client client = come();
  reactor().stop(0s);
  reactor().run();
  EXPECT_EQ(Actor::alive(), 0U);
}

// Who is told of it.

TEST_P(Stops, TellsBeforeDuringAndAfter) {
  const Client client = join();
  std::vector<std::string> told;
  const auto tell = [&](std::string_view when) {
    told.push_back(std::string(when) + (client.story->lost() ? " lost" : " alive"));
  };
  reactor().on_stop(Stopping::after, [&] { tell("after"); });
  reactor().on_stop(Stopping::during, [&] { tell("during"); });
  reactor().on_stop(Stopping::before, [&] { tell("before"); });
  reactor().on_stop(Stopping::before, [&] { tell("second"); });
  Trigger removed = reactor().on_stop(Stopping::before, [&] { tell("removed"); });
  removed.remove();
  client.peer->close();
  reactor().stop(1h);
  ASSERT_TRUE(stops());
  EXPECT_EQ(told, (std::vector<std::string>{"before alive", "second alive", "during alive", "after lost"}));
  reactor().stop();
  ASSERT_TRUE(stops());
  EXPECT_EQ(told.size(), 4U) << "each is called once";
}

TEST_P(Stops, WaitsForWhoNeedsTimeBefore) {
  const Client client = join();
  std::vector<Hold> holds;
  reactor().on_stop(Stopping::before, [&](Hold hold) { holds.push_back(std::move(hold)); });
  reactor().on_stop(Stopping::before, [&](Hold hold) { holds.push_back(std::move(hold)); });
  bool during = false;
  reactor().on_stop(Stopping::during, [&] { during = true; });
  reactor().stop(1h);
  ASSERT_TRUE(goes_on());
  client.peer->send("still served");
  ASSERT_TRUE(until([&] { return client.story->received == "still served"; }));
  holds.pop_back();
  ASSERT_TRUE(goes_on());
  EXPECT_FALSE(during);
  EXPECT_FALSE(client.story->lost());
  holds.pop_back();
  client.peer->close();
  ASSERT_TRUE(stops());
  EXPECT_TRUE(during);
}

TEST_P(Stops, WaitsForWhoNeedsTimeDuring) {
  std::vector<Hold> holds;
  reactor().on_stop(Stopping::during, [&](Hold hold) { holds.push_back(std::move(hold)); });
  reactor().stop(1h);
  ASSERT_TRUE(goes_on());
  holds.clear();
  ASSERT_TRUE(stops());
}

TEST_P(Stops, WaitsForNobodyPastTheTime) {
  const Client client = join();
  std::vector<Hold> holds;
  for (const Stopping when : {Stopping::before, Stopping::during}) {
    reactor().on_stop(when, [&](Hold hold) { holds.push_back(std::move(hold)); });
  }
  reactor().stop(3s);
  ASSERT_TRUE(goes_on());
  outside().clock().advance(2900ms);
  ASSERT_TRUE(goes_on());
  EXPECT_FALSE(client.story->lost());
  outside().clock().advance(100ms);
  ASSERT_TRUE(stops());
  EXPECT_TRUE(client.story->lost());
  EXPECT_EQ(holds.size(), 2U);
}

TEST_P(Stops, ATriggerThatFailsKeepsNobodyFromStopping) {
  bool second = false;
  reactor().on_stop(Stopping::before, [] { throw std::runtime_error("on purpose"); });
  reactor().on_stop(Stopping::before, [&] { second = true; });
  reactor().stop(1h);
  ASSERT_TRUE(stops());
  EXPECT_TRUE(second);
  EXPECT_EQ(logged_.size(), 1U);
}

}  // namespace
}  // namespace parley::conformance
