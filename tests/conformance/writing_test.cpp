// Rules 2, 3 and 5: what is written arrives whole, in few writes, and soon.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parley/base/slice.h"
#include "parley/reactor/group.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Writing : public Conformance {
 protected:
  // Writes until the kernel takes no more. Answers all of it.
  std::string fill(const Client& client) {
    std::string all;
    for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
      const std::string more = text_of(16000, std::to_string(i) + ':');
      all += more;
      client.wire().write(more);
      settle();
    }
    EXPECT_GT(client.wire().queued(), 0U);
    return all;
  }
};
PARLEY_CONFORMANCE(Writing);
PARLEY_CONFORMANCE_UNDER_FILTERS(Writing);

TEST_P(Writing, EverythingArrivesInOrderAndWhole) {
  const Client client = join();
  std::string all;
  const std::size_t sizes[] = {1, 20, 999, 1024, 5000, 31999, 32000, 33000, 70000, 3};
  // Half a megabyte in pieces of 500 bytes takes half a minute under a sanitizer.
  const int texts = GetParam().faults.send_bytes < 1000 ? 10 : 30;
  for (int i = 0; i < texts; ++i) {
    const std::string text = text_of(sizes[i % 10], std::to_string(i) + '.');
    switch (i % 3) {
      case 0:
        client.wire().write(text);
        break;
      case 1:
        client.wire().write(Slice(text));
        break;
      default: {
        const std::string_view pieces[] = {
            std::string_view(text).substr(0, 1), {}, std::string_view(text).substr(1)};
        client.wire().writelines(pieces);
      }
    }
    all += text;
    if (i % 4 == 0) turn();
  }
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
  EXPECT_EQ(client.wire().queued(), 0U);
}

// What one turn writes stands on memory that the next turn uses again, unless a write still holds it.
TEST_P(Writing, Rule2_BytesInFlightStayUntilTheWriteIsDone) {
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(join());
  Group group(reactor());
  for (const Client& client : clients) group.add(client.wire());
  std::vector<std::string> all(clients.size());
  for (int round = 0; round < 150; ++round) {
    const std::string text = text_of(round % 10 == 0 ? 3000 : 40, std::to_string(round) + '/');
    group.broadcast(text);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::string own = std::to_string(round * 10 + static_cast<int>(i)) + ";";
      clients[i].wire().write(own);
      all[i] += text + own;
    }
    turn();
  }
  EXPECT_TRUE(until([&] {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (clients[i].peer->received().size() < all[i].size()) return false;
    }
    return true;
  }));
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_SAME(clients[i].peer->received(), all[i]);
}

TEST_P(Writing, Rule2_AbortingWhileAWriteIsInFlight) {
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(join());
  for (int round = 0; round < 30; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (clients[i].story->lost()) continue;
      clients[i].wire().write(text_of(700, std::to_string(round) + '|'));
      if (round == 5 * static_cast<int>(i) + 2) {
        turn();
        clients[i].wire().write("this will never leave");
        clients[i].wire().abort_connection();
      }
    }
    turn();
  }
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  for (const Client& client : clients) EXPECT_EQ(client.peer->received().find("never"), std::string::npos);
}

TEST_P(Writing, Rule3_WhatIsQueuedDuringAWriteLeavesInTheNext) {
  const Client client = join({}, true);
  client.peer->window(0);
  std::string all = fill(client);
  const std::size_t writes = counts_.writes;
  for (int i = 0; i < 200; ++i) {
    const std::string text = text_of(25, std::to_string(i) + '-');
    client.wire().write(text);
    all += text;
    turn();
  }
  EXPECT_LE(counts_.writes, writes + 1);  // the inspector sees to it that it is one at a time
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
  if (calm()) {
    EXPECT_LE(counts_.writes, writes + 100);
  }
}

TEST_P(Writing, Rule5_SixtyWritesOfOneCallbackLeaveInOne) {
  std::string all;
  const Client client = join({.received = [&](Actor& actor, std::string_view) {
    for (int i = 0; i < 60; ++i) {
      const std::string line = "line " + std::to_string(i) + "\r\n";
      actor.wire().write(line);
      all += line;
    }
  }});
  const std::size_t writes = counts_.writes;
  client.peer->send("!");
  ASSERT_TRUE(until([&] { return !all.empty() && client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
  if (calm()) {
    EXPECT_EQ(counts_.writes, writes + 1);
  }
}

TEST_P(Writing, Rule5_SixtyPostsAndTimersOfATurnLeaveInOne) {
  const Client client = join();
  std::string all;
  const std::size_t writes = counts_.writes;
  for (int i = 0; i < 30; ++i) {
    const std::string line = "timer " + std::to_string(i) + "\r\n";
    reactor().call_later(0s, [&client, line] { client.wire().write(line); });
    all += line;
  }
  for (int i = 0; i < 30; ++i) {
    const std::string line = "post " + std::to_string(i) + "\r\n";
    reactor().post([&client, line] { client.wire().write(line); });
    all += line;
  }
  turn();
  EXPECT_GT(counts_.writes_before_waiting, writes);  // it does not wait until something else happens
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
  if (calm()) {
    EXPECT_EQ(counts_.writes, writes + 1);
  }
}

TEST_P(Writing, Rule5_AMessageToManyIsOneWriteEach) {
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(join());
  Group group(reactor());
  for (const Client& client : clients) group.add(client.wire());
  const std::size_t writes = counts_.writes;
  std::string all;
  reactor().post([&] {
    for (int i = 0; i < 60; ++i) {
      group.broadcast("message ", i, "\r\n");
      all += "message " + std::to_string(i) + "\r\n";
    }
  });
  ASSERT_TRUE(until([&] {
    return !all.empty() && std::all_of(clients.begin(), clients.end(), [&](const Client& client) {
      return client.peer->received().size() >= all.size();
    });
  }));
  for (const Client& client : clients) EXPECT_SAME(client.peer->received(), all);
  if (calm()) {
    EXPECT_EQ(counts_.writes, writes + clients.size());
  }
}

TEST_P(Writing, Rule5_AFullTapeIsFlushedBetweenCallbacks) {
  const Client client = join();
  const std::string text = text_of(10000);
  std::vector<std::size_t> writes;
  for (int i = 0; i < 8; ++i) {
    reactor().post([&] {
      writes.push_back(counts_.writes);
      client.wire().write(text);
    });
  }
  writes.push_back(counts_.writes);
  turn();
  ASSERT_EQ(writes.size(), 9U);
  EXPECT_EQ(writes[7], writes[0]);  // seventy thousand bytes make 64 KiB
  EXPECT_GT(writes[8], writes[0]);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= 8 * text.size(); }));
}

TEST_P(Writing, WithAnIntervalTheFirstLeavesAtOnceAndTheOthersTogether) {
  start({}, 10ms);
  const Client client = join();
  pass(10ms);
  // What the kernel did not take of the first goes with the others.
  const auto only_the_first = [&] {
    const std::string& got = client.peer->received();
    return calm() ? got == "first " : !got.empty() && std::string_view("first ").starts_with(got);
  };
  client.wire().write("first ");
  settle();
  EXPECT_TRUE(only_the_first()) << client.peer->received();
  for (int i = 0; i < 5; ++i) {
    client.wire().write("more ");
    settle();
  }
  EXPECT_TRUE(only_the_first()) << client.peer->received();
  pass(9ms);
  EXPECT_TRUE(only_the_first()) << client.peer->received();
  const std::size_t writes = counts_.writes;
  pass(1ms);
  for (int i = 0; !calm() && i < 30; ++i) pass(10ms);
  EXPECT_EQ(client.peer->received(), "first more more more more more ");
  if (calm()) {
    EXPECT_EQ(counts_.writes, writes + 1);
  }
}

TEST_P(Writing, Rule5_NeitherAFullTapeNorAnEndWaitsForTheInterval) {
  start({}, 10s);
  const Client client = join();
  const Client other = join();
  client.wire().write("first");
  settle();
  const std::string text = text_of(30000);
  for (int i = 0; i < 3; ++i) client.wire().write(text);
  const std::size_t writes = counts_.writes;
  turn();
  EXPECT_GT(counts_.writes, writes);
  ASSERT_TRUE(until([&] {
    outside().clock().advance(1s);  // what was not taken at once goes on with the interval
    return client.peer->received().size() >= 5 + 3 * text.size();
  }));
  other.wire().write("last words");
  other.wire().lose_connection();
  ASSERT_TRUE(until([&] { return other.peer->ended(); }));
  EXPECT_EQ(other.peer->received(), "last words");
}

TEST_P(Writing, ASlowPeerIsToldOfOnceAndOnceMore) {
  Limits limits;
  limits.high_water = 20000;
  limits.low_water = 5000;
  start(limits);
  std::size_t queued_then = 0;
  const Client client =
      join({.resume_writing = [&](Actor& actor) { queued_then = actor.wire().queued(); }}, true);
  client.peer->window(0);
  std::string all = fill(client);
  for (int i = 0; i < 5; ++i) {
    const std::string text = text_of(10000, std::to_string(i) + '+');
    all += text;
    client.wire().write(text);
    settle();
  }
  EXPECT_EQ(client.story->times("pause_writing"), 1U);
  EXPECT_EQ(client.story->times("resume_writing"), 0U);
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
  EXPECT_EQ(client.story->times("pause_writing"), 1U);
  EXPECT_EQ(client.story->times("resume_writing"), 1U);
  EXPECT_LE(queued_then, limits.low_water);
}

// The peer takes little by little, so that what waits stands between the two marks for many turns.
TEST_P(Writing, ASlowPeerIsResumedAtTheLowMarkAndNotAtTheHighOne) {
  Limits limits;
  limits.high_water = 400'000;
  limits.low_water = 20'000;
  start(limits);
  std::size_t queued_then = 0;
  const Client client =
      join({.resume_writing = [&](Actor& actor) { queued_then = actor.wire().queued(); }}, true);
  client.peer->window(0);
  fill(client);
  client.wire().write(text_of(600'000));
  settle();
  ASSERT_EQ(client.story->times("pause_writing"), 1U);
  std::size_t between = 0;
  for (int i = 0; i < 4000 && client.story->times("resume_writing") == 0; ++i) {
    client.peer->window(5000);
    settle();
    const std::size_t queued = client.wire().queued();
    if (queued > limits.low_water && queued < limits.high_water) ++between;
  }
  EXPECT_EQ(client.story->times("resume_writing"), 1U);
  EXPECT_GT(between, 1U);
  EXPECT_LE(queued_then, limits.low_water);
}

// What was said to all and what was said to one stand on two tapes, so that each piece is copied for the
// write: more of them than a block of that memory holds.
TEST_P(Writing, ManySmallPiecesLeaveAsTheyWereWritten) {
  Group group(reactor());
  const Client client = join();
  group.add(client.wire());
  std::string all;
  reactor().post([&] {
    for (int i = 0; i < 2000; ++i) {
      const std::string to_all = text_of(37, "to all " + std::to_string(i));
      const std::string to_one = text_of(41, "to one " + std::to_string(i));
      group.broadcast(to_all);
      client.wire().write(to_one);
      all += to_all + to_one;
    }
  });
  ASSERT_TRUE(until([&] { return !all.empty() && client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
  EXPECT_GT(all.size(), 2U * 64 * 1024);
}

TEST_P(Writing, ASliceIsHeldUntilItHasLeftAndNoLonger) {
  const auto text = std::make_shared<const std::string>(text_of(10000));
  const Client client = join({}, true);
  const Client aborted = join({}, true);
  client.peer->window(0);
  aborted.peer->window(0);
  for (int i = 0; i < 30; ++i) {
    client.wire().write(Slice(*text, text));
    aborted.wire().write(Slice(*text, text));
  }
  settle();
  EXPECT_GT(text.use_count(), 2);
  aborted.wire().abort_connection();
  client.peer->window(Peer::everything);
  ASSERT_TRUE(
      until([&] { return client.peer->received().size() >= 30 * text->size() && counts_.open == 1; }));
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(client.peer->received().compare(i * text->size(), text->size(), *text), 0);
  }
  EXPECT_EQ(text.use_count(), 1);
}

TEST_P(Writing, AfterTheEndItIsSilentlyNothing) {
  const Client lost =
      join({.lost = [](Actor& actor, const Reason&) { actor.wire().write("in connection_lost"); }});
  const Client shut = join();
  const auto write = [](const Client& client) {
    client.wire().write("too late");
    client.wire().write(Slice("too late"));
    const std::string_view pieces[] = {"too", "late"};
    client.wire().writelines(pieces);
  };
  lost.wire().write("words");
  lost.wire().lose_connection();
  write(lost);
  shut.wire().write("words");
  shut.wire().shutdown_write();
  write(shut);
  shut.wire().shutdown_write();
  ASSERT_TRUE(until([&] { return lost.peer->ended() && shut.peer->ended(); }));
  write(shut);
  settle();
  EXPECT_EQ(lost.peer->received(), "words");
  EXPECT_EQ(shut.peer->received(), "words");
  EXPECT_FALSE(shut.story->lost());
}

}  // namespace
}  // namespace parley::conformance
