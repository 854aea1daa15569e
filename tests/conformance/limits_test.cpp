// Everything that can grow has a limit: those who fall behind, those who make others fall behind, those who
// come when it is full. (Rule 6, for what is published.)

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/line/line_receiver.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Bounds : public Conformance {
 protected:
  // Writes until the kernel takes no more for a peer that does not read.
  void fill(const Client& client) {
    client.peer->window(0);
    for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
      client.wire().write(text_of(16000));
      settle();
    }
    ASSERT_GT(client.wire().queued(), 0U);
  }
  // And then so much more.
  void lag(const Client& client, std::size_t by) {
    fill(client);
    for (std::size_t at = 0; at < by; at += 10000) {
      client.wire().write(text_of(10000));
      settle();
    }
  }
};
PARLEY_CONFORMANCE(Bounds);
PARLEY_CONFORMANCE_UNDER_FILTERS(Bounds);

TEST_P(Bounds, APeerThatNeverReadsIsDisconnected) {
  Limits limits;
  limits.sendq_bytes = 100000;
  start(limits);
  const Client slow = join({}, true);
  const Client reader = join();
  slow.peer->window(0);
  std::string all;
  std::size_t most = 0;
  for (int i = 0; i < 300 && !slow.story->lost(); ++i) {
    const std::string text = text_of(9000, std::to_string(i) + '#');
    slow.wire().write(text);
    reader.wire().write(text);
    all += text;
    turn();
    if (!slow.story->lost()) most = std::max(most, slow.wire().queued());
  }
  ASSERT_TRUE(slow.story->lost());
  EXPECT_EQ(slow.story->reason->kind(), Reason::Kind::behind);
  EXPECT_LE(most, limits.sendq_bytes);
  EXPECT_GE(most, limits.sendq_bytes - 9000);
  ASSERT_TRUE(until([&] { return reader.peer->received().size() >= all.size(); }));
  EXPECT_SAME(reader.peer->received(), all);
  EXPECT_FALSE(reader.story->lost());
  EXPECT_TRUE(until([&] { return slow.peer->was_reset(); }));
}

TEST_P(Bounds, OneLargeAnswerIsNotBehind) {
  Limits limits;
  limits.sendq_bytes = 20000;
  start(limits);
  const Client client = join({}, true);
  client.peer->window(0);
  const std::string text = text_of(300000);
  client.wire().write(text);
  settle();
  EXPECT_FALSE(client.story->lost());
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= text.size(); }));
  EXPECT_SAME(client.peer->received(), text);
}

TEST_P(Bounds, TheOneFurthestBehindGoesWhenAllTogetherAreTooMuch) {
  Limits limits;
  limits.sendq_bytes = 10000000;
  limits.queued_total = 4000000;  // much more than the tapes that pending writes pin
  start(limits);
  const Client a = join({}, true);
  const Client b = join({}, true);
  const Client c = join({}, true);
  lag(a, 600000);
  lag(b, 1800000);
  lag(c, 800000);
  EXPECT_FALSE(a.story->lost() || b.story->lost() || c.story->lost());
  for (int i = 0; i < 12 && !b.story->lost(); ++i) {
    c.wire().write(text_of(100000));
    settle();
  }
  ASSERT_TRUE(b.story->lost());
  EXPECT_EQ(b.story->reason->kind(), Reason::Kind::overload);
  ASSERT_EQ(logged_.size(), 1U);
  EXPECT_NE(logged_[0].find("holds too much of the memory for all that lags"), std::string::npos)
      << logged_[0];
  EXPECT_FALSE(a.story->lost());
  EXPECT_FALSE(c.story->lost());
}

TEST_P(Bounds, TheBrakeHoldsWhoWritesToSomebodyFarBehind) {
  Limits limits;
  limits.sendq_bytes = 400000;
  start(limits);
  const Client behind = join({}, true);
  lag(behind, 210000);
  bool told = false;
  const Client sender = join({.received = [&](Actor& actor, std::string_view) {
    EXPECT_TRUE(actor.wire().reading());
    behind.wire().write("x");
    EXPECT_FALSE(actor.wire().reading());  // at once
    told = true;
  }});
  const Client bystander =
      join({.received = [](Actor& actor, std::string_view) { actor.wire().write("to myself"); }});
  sender.peer->send("1");
  ASSERT_TRUE(until([&] { return told; }));
  bystander.peer->send("1");
  sender.peer->send("2");
  settle();
  EXPECT_EQ(sender.story->received, "1");
  bystander.peer->send("2");
  settle();
  EXPECT_EQ(bystander.story->received, "12");
  pass(9999us);
  EXPECT_EQ(sender.story->received, "1");
  EXPECT_EQ(sender.story->times("resumed"), 0U);
  pass(1us);
  EXPECT_EQ(sender.story->received, "12");
  EXPECT_EQ(sender.story->times("resumed"), 1U);
  EXPECT_FALSE(sender.wire().reading());
  sender.peer->send("3");
  pass(19999us);  // twice as long, since the other is as far behind as before
  EXPECT_EQ(sender.story->received, "12");
  pass(1us);
  EXPECT_EQ(sender.story->received, "123");
}

// Each may have been stopped in the middle of all that it was allowed to take in.
TEST_P(Bounds, WhenManyWaitNobodyTakesInMuch) {
  Limits limits;
  limits.sendq_bytes = 400000;
  limits.brake = 1h;
  limits.waiting_input = 2 * limits.read_bytes;
  start(limits);
  const Client behind = join({}, true);
  lag(behind, 210000);
  const auto sender = [&] {
    return join({.received = [&](Actor&, std::string_view) { behind.wire().write("x"); }});
  };
  const auto stop = [&](const Client& client) {
    client.peer->send("1");
    ASSERT_TRUE(until([&] { return !client.wire().reading(); }));
  };
  std::size_t most = 0;
  const Client other =
      join({.received = [&](Actor&, std::string_view bytes) { most = std::max(most, bytes.size()); }});
  const auto expect_to_take_in = [&](bool much) {
    most = 0;
    const std::size_t all = other.story->received.size() + 5000;
    other.peer->send(text_of(5000));
    ASSERT_TRUE(until([&] { return other.story->received.size() >= all; }));
    if (!much) {
      EXPECT_LE(most, 1024U);
    } else if (calm()) {
      EXPECT_GT(most, 1024U);
    }
  };
  const Client a = sender(), b = sender(), c = sender(), d = sender();
  stop(a);
  stop(b);
  expect_to_take_in(true);
  stop(c);
  expect_to_take_in(false);
  a.wire().abort_connection();
  settle();
  expect_to_take_in(true);
  stop(d);
  expect_to_take_in(false);
  b.wire().lose_connection();  // and waits for the peer's end
  settle();
  expect_to_take_in(true);
  pass(1h);  // the others go on
  const Client e = sender();
  stop(c);
  stop(e);
  expect_to_take_in(true);
  stop(d);
  expect_to_take_in(false);
}

TEST_P(Bounds, WhatManyKeepWhoWaitIsBounded) {
  Limits limits;
  limits.sendq_bytes = 400000;
  limits.brake = 1h;
  limits.read_bytes = 4096;
  limits.turn_bytes = 8192;
  limits.waiting_input = 5 * limits.read_bytes;
  start(limits);
  const Client behind = join({}, true);
  lag(behind, 210000);
  std::vector<Client> senders;
  for (int i = 0; i < 30; ++i) {
    senders.push_back(join({.received = [&](Actor&, std::string_view) { behind.wire().write("x"); }}));
  }
  for (const Client& sender : senders) sender.peer->send(text_of(20000));
  std::size_t kept = 0;
  for (const Client& sender : senders) {
    ASSERT_TRUE(until([&] { return !sender.wire().reading(); }));
    kept += sender.story->received.size();
  }
  // One more, and what was on its way already.
  EXPECT_LE(kept, limits.waiting_input + limits.read_bytes + limits.turn_bytes + senders.size() * 1024);
}

TEST_P(Bounds, PausingUnderTheBrakeOutlastsIt) {
  Limits limits;
  limits.sendq_bytes = 400000;
  start(limits);
  const Client behind = join({}, true);
  lag(behind, 210000);
  const Client sender = join({.received = [&](Actor& actor, std::string_view) {
    behind.wire().write("x");
    actor.wire().pause_reading();
  }});
  sender.peer->send("1");
  ASSERT_TRUE(until([&] { return !sender.story->received.empty(); }));
  sender.peer->send("2");
  pass(20ms);
  EXPECT_EQ(sender.story->received, "1");
  sender.wire().resume_reading();
  settle();
  EXPECT_EQ(sender.story->received, "12");
}

// Calls `handle` for each line.
class Lines final : public LineReceiver {
 public:
  explicit Lines(std::function<void(std::string_view)> handle) : handle_(std::move(handle)) {}
  void line_received(std::string_view line) override {
    EXPECT_TRUE(transport().reading());
    handle_(line);
  }

 private:
  std::function<void(std::string_view)> handle_;
};

TEST_P(Bounds, TheBrakeIsAskedBeforeEachLine) {
  Limits limits;
  limits.sendq_bytes = 400000;
  start(limits);
  const Client behind = join({}, true);
  lag(behind, 210000);
  std::string lines;
  const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0}, [&] {
    return std::make_unique<Lines>([&](std::string_view line) {
      lines += line;
      behind.wire().write("x");
    });
  });
  const std::unique_ptr<Peer> peer = outside().connect(at.host());
  peer->send("a\r\nb\r\nc\r\nd");
  peer->close();
  ASSERT_TRUE(until([&] { return !lines.empty(); }));
  settle();
  EXPECT_EQ(lines, "a");
  pass(10ms);
  EXPECT_EQ(lines, "ab");
  pass(20ms);
  EXPECT_EQ(lines, "abc");
  pass(40ms);
  EXPECT_EQ(lines, "abcd");  // the end of input has waited for its line
}

TEST_P(Bounds, Rule6_NobodyPublishesMoreThanAQuarterOfASendqInATurn) {
  Limits limits;
  limits.sendq_bytes = 40000;
  start(limits);
  const Client reader = join();
  std::size_t lines = 0;
  const std::string text = text_of(3000);
  const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0}, [&] {
    return std::make_unique<Lines>([&](std::string_view) {
      ++lines;
      reader.wire().write(text);
    });
  });
  const std::unique_ptr<Peer> peer = outside().connect(at.host());
  std::string input;
  for (int i = 0; i < 50; ++i) input += "\r\n";
  peer->send(input);
  std::size_t most = 0;
  for (int i = 0; i < 20000 && lines < 50; ++i) {
    const std::size_t before = lines;
    if (!calm()) outside().clock().advance(1ms);  // there the reader itself is slow, and the brake holds too
    turn();
    most = std::max(most, lines - before);
  }
  EXPECT_EQ(lines, 50U);
  EXPECT_LE(most, 4U);  // the fourth passes ten thousand
  if (calm()) {
    EXPECT_EQ(most, 4U);
  }
  ASSERT_TRUE(until([&] { return reader.peer->received().size() >= 50 * text.size(); }));
  EXPECT_FALSE(reader.story->lost());
}

TEST_P(Bounds, WithoutADescriptorNewOnesAreToldSoAndTheOthersServed) {
  std::vector<Story*> stories;
  const ListeningPort at = reactor().listen_tcp(
      {"127.0.0.1", 0},
      [&] {
        stories.push_back(&new_story());
        return std::make_unique<Actor>(
            *stories.back(),
            Script{.received = [](Actor& actor, std::string_view text) { actor.wire().write(text); }});
      },
      {.options = {}, .refusal = "full, sorry\r\n"});
  const std::unique_ptr<Peer> old = outside().connect(at.host());
  ASSERT_TRUE(until([&] { return stories.size() == 1 && stories[0]->made(); }));
  outside().leave(Outside::Means::one_to_refuse_with);
  std::vector<std::unique_ptr<Peer>> refused;
  for (int i = 0; i < 5; ++i) refused.push_back(outside().connect(at.host()));
  EXPECT_TRUE(until([&] { return refused[0]->ended(); }));
  for (int i = 0; i < 20; ++i) pass(20ms);
  EXPECT_TRUE(until([&] {
    return std::all_of(refused.begin(), refused.end(), [](const auto& peer) { return peer->ended(); });
  }));
  for (const auto& peer : refused) EXPECT_EQ(peer->received(), "full, sorry\r\n");
  EXPECT_EQ(stories.size(), 1U);
  EXPECT_EQ(logged_.size(), 1U);  // not for each
  old->send("still served?");
  EXPECT_TRUE(until([&] { return old->received() == "still served?"; }));
  outside().leave(Outside::Means::enough);
  pass(100ms);
  const std::unique_ptr<Peer> later = outside().connect(at.host());
  EXPECT_TRUE(until([&] { return stories.size() == 2 && stories[1]->made(); }));
  outside().leave(Outside::Means::one_to_refuse_with);
  pass(11s);
  const std::unique_ptr<Peer> again = outside().connect(at.host());
  EXPECT_TRUE(until([&] { return again->ended(); }));
  EXPECT_EQ(logged_.size(), 2U);  // but once in a while
}

TEST_P(Bounds, OverTheLimitOfConnectionsNewOnesAreTurnedAway) {
  std::vector<Story*> stories;
  const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0},
                                                [&] {
                                                  stories.push_back(&new_story());
                                                  return std::make_unique<Actor>(*stories.back(), Script{});
                                                },
                                                {.options = {}, .refusal = "full\r\n", .max_connections = 2});
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(outside().connect(at.host()));
  ASSERT_TRUE(until([&] { return peers[2]->ended() && peers[3]->ended(); }));
  EXPECT_EQ(peers[2]->received(), "full\r\n");
  EXPECT_EQ(peers[3]->received(), "full\r\n");
  EXPECT_EQ(stories.size(), 2U);
  EXPECT_EQ(reactor().connections(), 2U);
  EXPECT_FALSE(peers[0]->ended());
  peers[0]->close();
  ASSERT_TRUE(until([&] { return stories[0]->lost(); }));
  peers.push_back(outside().connect(at.host()));
  EXPECT_TRUE(until([&] { return stories.size() == 3 && stories[2]->made(); }));
}

TEST_P(Bounds, AFactoryMayRefuse) {
  int asked = 0;
  const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0}, [&](const Address& peer) {
    EXPECT_EQ(peer.host(), "127.0.0.1");
    if (++asked == 2) throw std::runtime_error("not today");
    return std::unique_ptr<Protocol>();
  });
  const std::unique_ptr<Peer> first = outside().connect(at.host());
  const std::unique_ptr<Peer> second = outside().connect(at.host());
  EXPECT_TRUE(until(
      [&] { return (first->ended() || first->was_reset()) && (second->ended() || second->was_reset()); }));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(first->received(), "");
  EXPECT_EQ(reactor().connections(), 0U);
}

}  // namespace
}  // namespace parley::conformance
