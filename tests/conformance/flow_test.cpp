// One who reads slowly, or not at all, does not hold the others; who tells it something alone waits for it.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "parley/reactor/group.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class FlowOfGroups : public Conformance {
 protected:
  // A room in which one speaks whenever it may, and the first of the others reads as `odd` says in each
  // millisecond. Answers for how many of them the speaker rested.
  int talk(int milliseconds, const std::function<void(Peer&, int)>& odd) {
    Limits limits;
    limits.sendq_bytes = 40000;
    start(limits);
    Group group(reactor());
    const std::string text = text_of(2000);
    const Client speaker = join(
        {.received = [&](Actor& actor, std::string_view) { group.broadcast(omit(actor.wire()), text); }});
    for (int i = 0; i < 5; ++i) {
      readers_.push_back(join({}, i == 0));
      group.add(readers_.back().wire());
    }
    int rested = 0;
    for (int i = 0; i < milliseconds; ++i) {
      if (!readers_[0].story->lost()) odd(*readers_[0].peer, i);
      rested += speaker.wire().reading() ? 0 : 1;
      speaker.peer->send("x");
      pass(1ms);
    }
    EXPECT_FALSE(speaker.story->lost());
    for (int i = 1; i < 5; ++i) EXPECT_FALSE(readers_[static_cast<std::size_t>(i)].story->lost());
    return rested;
  }

  std::vector<Client> readers_;
};
PARLEY_CONFORMANCE(FlowOfGroups);

TEST_P(FlowOfGroups, OneThatIsStuckDoesNotHoldTheOthers) {
  const int rested = talk(2000, [](Peer& peer, int at) {
    if (at == 0) peer.window(0);
  });
  // 400 ms that were saved, and 5 % of the time. (Where faults make all readers slow, most are waited for.)
  EXPECT_LT(rested, calm() ? 520 : 2000);
  ASSERT_TRUE(readers_[0].story->lost());
  EXPECT_EQ(readers_[0].story->reason->kind(), Reason::Kind::behind);
}

TEST_P(FlowOfGroups, NorDoesOneThatDrips) {
  const int rested = talk(2000, [](Peer& peer, int at) { peer.window(at % 100 == 0 ? 100 : 0); });
  EXPECT_LT(rested, calm() ? 520 : 2000);
}

TEST_P(FlowOfGroups, NorDoesOneThatReadsInBursts) {
  const int rested = talk(2000, [](Peer& peer, int at) {
    if (at % 100 == 0) peer.window(at % 200 == 0 ? 0 : Peer::everything);
  });
  EXPECT_LT(rested, calm() ? 520 : 2000);
}

TEST_P(FlowOfGroups, NorDoesOneThatReadsHalf) {
  const int rested = talk(2000, [](Peer& peer, int at) { peer.window(at % 10 == 0 ? 10000 : 0); });
  EXPECT_LT(rested, calm() ? 520 : 2000);
}

// What is told to them alone, in messages that take one of them a third of a second to read.
TEST_P(FlowOfGroups, ALongRestOfOneIsNotThatOfAnother) {
  if (!in_memory()) return;  // a kernel does not pass on a few bytes each millisecond
  Limits limits;
  limits.sendq_bytes = 40000;
  start(limits);
  struct Pair {
    Client reader, speaker;
    int rests = 0, longest = 0;
  };
  const std::string text = text_of(1000);
  const auto meet = [&] {
    Client reader = join({}, true);
    reader.peer->window(0);
    const Story* const story = reader.story;
    return Pair{std::move(reader), join({.received = [story, text](Actor&, std::string_view) {
                  if (!story->lost()) story->actor->wire().write(text);
                }})};
  };
  Pair slow = meet();
  Pair other = meet();
  const auto go_on = [&](Pair& pair, std::size_t bytes) {
    pair.reader.peer->window(bytes);
    pair.rests = pair.speaker.wire().reading() ? 0 : pair.rests + 1;
    pair.longest = std::max(pair.longest, pair.rests);
    pair.speaker.peer->send("x");
  };
  for (int i = 0; i < 4000; ++i) {
    go_on(slow, 4);
    if (slow.rests > 50) go_on(other, 300);
    pass(1ms);
  }
  EXPECT_FALSE(slow.reader.story->lost());
  EXPECT_FALSE(other.reader.story->lost());
  if (!calm()) return;
  EXPECT_GT(slow.longest, 100);
  EXPECT_GT(other.longest, 1);
  EXPECT_LT(other.longest, 60);
}

TEST_P(FlowOfGroups, WhomItHitIsLoggedOnceInAWhile) {
  Limits limits;
  limits.sendq_bytes = 20000;
  start(limits);
  const auto fall_behind = [&] {
    const Client slow = join({}, true);
    slow.peer->window(0);
    for (int i = 0; i < 2000 && !slow.story->lost(); ++i) {
      slow.wire().write(text_of(3000));
      turn();
    }
    EXPECT_TRUE(slow.story->lost());
    return concat(slow.story->reason->kind() == Reason::Kind::behind ? "" : "not behind");
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fall_behind(), "");
  ASSERT_EQ(logged_.size(), 1U);
  EXPECT_NE(logged_[0].find("127.0.0.1:"), std::string::npos) << logged_[0];
  EXPECT_NE(logged_[0].find("reads too slowly and is cut off"), std::string::npos) << logged_[0];
  pass(11s);
  EXPECT_EQ(fall_behind(), "");
  ASSERT_EQ(logged_.size(), 2U);
  EXPECT_NE(logged_[1].find("and 2 others"), std::string::npos) << logged_[1];
}

}  // namespace
}  // namespace parley::conformance
