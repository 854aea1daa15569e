// Rules 1, 4 and 6, for input: nothing while paused, nothing lost, nobody starved.

#include <algorithm>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Reading : public Conformance {};
PARLEY_CONFORMANCE(Reading);
PARLEY_CONFORMANCE_UNDER_FILTERS(Reading);

TEST_P(Reading, EverythingArrivesInOrder) {
  const Client client = join();
  const std::string text = text_of(200000);
  for (std::size_t at = 0; at < text.size(); at += 7001) client.peer->send(text.substr(at, 7001));
  ASSERT_TRUE(until([&] { return client.story->received.size() >= text.size(); }));
  EXPECT_SAME(client.story->received, text);
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.story->destroyed; }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::done);
}

TEST_P(Reading, Rule1_NothingIsDeliveredWhilePaused) {
  const Client client =
      join({.received = [](Actor& actor, std::string_view) { actor.wire().pause_reading(); }});
  const std::string text = text_of(3000);
  for (std::size_t at = 0; at < text.size(); at += 100) client.peer->send(text.substr(at, 100));
  client.peer->close();
  std::size_t resumed = 0;
  while (client.story->times("ended") == 0) {
    settle();
    const std::size_t so_far = client.story->received.size();
    settle();
    ASSERT_EQ(client.story->received.size(), so_far);
    ASSERT_LE(client.story->times("received"), resumed + 1);
    if (client.story->lost()) break;
    client.wire().resume_reading();
    ++resumed;
    ASSERT_LT(resumed, 5000U);
  }
  EXPECT_SAME(client.story->received, text);
}

TEST_P(Reading, Rule1_APauseInConnectionMadeHoldsTheFirstByte) {
  const Client client = come({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  client.peer->send("at once");
  client.peer->close();
  settle();
  EXPECT_TRUE(client.story->made());
  EXPECT_EQ(client.story->received, "");
  EXPECT_FALSE(client.story->lost());
  client.wire().resume_reading();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(client.story->received, "at once");
}

// Many have input in one batch; the first that is called pauses all the others.
TEST_P(Reading, Rule1_OneConnectionPausesOthersInTheSameBatch) {
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(join({.received = [&](Actor& actor, std::string_view) {
      for (const Client& other : clients) {
        if (other.story != &actor.story()) other.wire().pause_reading();
      }
    }}));
  }
  const std::string text = text_of(500);
  for (const Client& client : clients) client.peer->send(text);
  const auto talking = [&] {
    return std::count_if(clients.begin(), clients.end(),
                         [](const Client& client) { return !client.story->received.empty(); });
  };
  settle();
  EXPECT_EQ(talking(), 1);
  const auto done = [&](const Client& client) { return client.story->received.size() == text.size(); };
  for (int round = 0; round < 8; ++round) {
    const auto next = std::find_if_not(clients.begin(), clients.end(), done);
    if (next == clients.end()) break;
    next->wire().resume_reading();
    settle();
  }
  for (const Client& client : clients) EXPECT_SAME(client.story->received, text);
}

TEST_P(Reading, Rule1_PausedAndResumedWithinOneCallbackIsStillNotCalledFromIt) {
  const Client client = join({.received = [](Actor& actor, std::string_view) {
    actor.wire().pause_reading();
    actor.wire().resume_reading();
    EXPECT_FALSE(actor.wire().reading());  // from the next turn on
  }});
  const std::string text = text_of(2000);
  client.peer->send(text);
  ASSERT_TRUE(until([&] { return client.story->received.size() == text.size(); }));
  settle();
  EXPECT_SAME(client.story->received, text);
  EXPECT_EQ(client.story->times("resumed"), client.story->times("received"));
}

TEST_P(Reading, ReadingResumedComesBeforeTheNextBytes) {
  const Client client =
      join({.received = [](Actor& actor, std::string_view) { actor.wire().pause_reading(); }});
  client.peer->send("one");
  ASSERT_TRUE(until([&] { return !client.story->received.empty(); }));
  settle();
  client.peer->send("two");
  settle();
  client.wire().resume_reading();
  EXPECT_EQ(client.story->times("resumed"), 0U);  // rule 8
  const std::size_t before = client.story->told.size();
  ASSERT_TRUE(until([&] { return client.story->told.size() >= before + 2; }));
  EXPECT_EQ(client.story->told[before], "resumed");
  EXPECT_EQ(client.story->told[before + 1], "received");
}

TEST_P(Reading, PausingAgainInReadingResumedHolds) {
  const Client client =
      join({.received = [](Actor& actor, std::string_view) { actor.wire().pause_reading(); },
            .resumed = [](Actor& actor) { actor.wire().pause_reading(); }});
  client.peer->send("a");
  ASSERT_TRUE(until([&] { return client.story->received == "a"; }));
  client.peer->send("b");
  settle();
  client.wire().resume_reading();
  settle();
  EXPECT_EQ(client.story->times("resumed"), 1U);
  EXPECT_EQ(client.story->received, "a");
}

TEST_P(Reading, PausingBetweenResumingAndItsTurnHolds) {
  const Client client = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  client.peer->send("a");
  settle();
  client.wire().resume_reading();
  client.wire().pause_reading();
  settle();
  EXPECT_EQ(client.story->times("resumed"), 0U);
  EXPECT_EQ(client.story->received, "");
  client.wire().resume_reading();
  settle();
  EXPECT_EQ(client.story->received, "a");
}

// The kernel ends its receiving whenever it likes, its buffers run out, and some pause for a while.
TEST_P(Reading, Rule4_ReceivingGoesOnHoweverOftenItEnds) {
  std::vector<Client> clients;
  const std::string text = text_of(20000);
  std::size_t calls = 0;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(join({.received = [&](Actor& actor, std::string_view) {
      if (++calls % 5 != 0) return;
      actor.wire().pause_reading();
      reactor().call_later(1ms, [&actor, id = actor.wire().id(), this] {
        if (reactor().find(id) != nullptr) actor.wire().resume_reading();
      });
    }}));
  }
  for (std::size_t at = 0; at < text.size(); at += 999) {
    for (const Client& client : clients) client.peer->send(text.substr(at, 999));
    turn();
  }
  const bool all = until([&] {
    outside().clock().advance(1ms);
    return std::all_of(clients.begin(), clients.end(),
                       [&](const Client& client) { return client.story->received.size() >= text.size(); });
  });
  EXPECT_TRUE(all);
  for (const Client& client : clients) EXPECT_SAME(client.story->received, text);
}

TEST_P(Reading, Rule6_InputOfATurnIsBounded) {
  Limits limits;
  limits.read_bytes = 5000;
  limits.turn_bytes = 12000;
  start(limits);
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(join());
  const std::string text = text_of(40000);
  for (const Client& client : clients) client.peer->send(text);
  for (int turns = 0; turns < 100000; ++turns) {
    turn();
    ASSERT_LE(counts_.most, limits.read_bytes);
    ASSERT_LE(counts_.bytes, limits.turn_bytes);
    if (std::all_of(clients.begin(), clients.end(),
                    [&](const Client& client) { return client.story->received.size() == text.size(); })) {
      break;
    }
  }
  for (const Client& client : clients) EXPECT_SAME(client.story->received, text);
}

// Those who flood fill every turn; the one who has a word to say is heard nevertheless.
TEST_P(Reading, Rule6_FloodsStarveNobody) {
  Limits limits;
  limits.read_bytes = 2000;
  limits.turn_bytes = 4000;
  start(limits);
  std::vector<Client> floods;
  for (int i = 0; i < 4; ++i) floods.push_back(join());
  const Client quiet = join();
  for (int i = 0; i < 4; ++i) floods.push_back(join());
  const std::string text = text_of(400000);
  for (const Client& flood : floods) flood.peer->send(text);
  turn();
  turn();
  quiet.peer->send("a word");
  std::size_t turns = 0;
  while (quiet.story->received.size() < 6 && turns < 1000) {
    turn();
    ++turns;
  }
  EXPECT_EQ(quiet.story->received, "a word");
  EXPECT_LE(turns, calm() ? 10U : 400U);
  const auto [least, most] = std::minmax_element(
      floods.begin(), floods.end(),
      [](const Client& a, const Client& b) { return a.story->received.size() < b.story->received.size(); });
  if (calm()) {
    EXPECT_LE(most->story->received.size() - least->story->received.size(), 3 * limits.read_bytes);
  }
}

}  // namespace
}  // namespace parley::conformance
