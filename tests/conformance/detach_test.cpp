// A connection that leaves its reactor in the middle of whatever it does, and goes on in another.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/reactor/filter.h"
#include "parley/reactor/group.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;
using Told = std::vector<std::string>;

class Idle final : public Producer {
 public:
  void resume_producing() override {}
  void stop_producing() override {}
};

// Two reactors in one world.
class Detaching : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    other_ = std::make_unique<Reactor>(Inspector::around(outside(), other_counts_),
                                       ReactorSettings{.clock = &outside().clock(), .log = &log()});
  }
  void TearDown() override {
    Actor::off_stage(true);
    other_->stop(0s);
    bool running = true;
    for (int i = 0; i < 20000 && running; ++i) running = other_->turn(0s);
    EXPECT_FALSE(running);
    EXPECT_EQ(other_counts_.open, 0U);
    other_.reset();
    Conformance::TearDown();
  }

  Reactor& other() { return *other_; }
  bool both_until(const std::function<bool()>& so) {
    return until([&] {
      EXPECT_TRUE(other_->turn(0s));
      counts_.upcalls += std::exchange(other_counts_.upcalls, 0);  // something happens there
      return so();
    });
  }
  void both_settle() {
    for (int i = 0; i < 3; ++i) {
      settle();
      for (int turns = 0; turns < 60; ++turns) EXPECT_TRUE(other_->turn(0s));
    }
  }
  // What there is of a connection that is told to leave now.
  Detached detached(const Client& client) {
    std::optional<Detached> got;
    reactor().detach(client.story->id, [&](Detached left) { got = std::move(left); });
    EXPECT_FALSE(got) << "told from inside the call";
    EXPECT_TRUE(until([&] { return got.has_value(); }));
    return got ? std::move(*got) : Detached{};
  }
  Story& go_on(Detached left, Script script = {}) {
    Story& story = new_story();
    story.id = other_->adopt(std::move(left), std::make_unique<Actor>(story, std::move(script)));
    return story;
  }
  Transport& wire(const Story& story) { return story.actor->wire(); }
  // More than the kernel takes for a peer that does not read. Answers all of it.
  std::string fill(const Client& client) {
    client.peer->window(0);
    std::string all;
    for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
      all += text_of(16000, std::to_string(i) + ':');
      client.wire().write(std::string_view(all).substr(all.size() - 16000));
      settle();
    }
    return all;
  }

  Inspector::Counts other_counts_;
  std::unique_ptr<Reactor> other_;
};
PARLEY_CONFORMANCE(Detaching);

// Who has waited for a connection to leave is called in the middle of a flush, where the tapes are about to
// be used again.
TEST_P(Detaching, WhatIsToldToAGroupWhenOneHasLeftArrivesWhole) {
  const Client reader = join();
  const Client leaver = join();
  Group room(reactor());
  room.add(reader.wire());
  leaver.wire().write("bye");
  bool left = false;
  reactor().detach(leaver.story->id, [&](Detached detached) {
    room.broadcast("first ", text_of(2000), ' ');
    go_on(std::move(detached));
    left = true;
  });
  ASSERT_TRUE(both_until([&] { return left; }));
  room.broadcast("second ", text_of(3000, "b"));
  const std::string all = "first " + text_of(2000) + " second " + text_of(3000, "b");
  ASSERT_TRUE(both_until([&] { return reader.peer->received().size() >= all.size(); }));
  EXPECT_SAME(reader.peer->received(), all);
}

TEST_P(Detaching, TwoThatLeaveInOneFlushHoldUpNobody) {
  const Client reader = join();
  const Client other_reader = join();
  const Client first = join();
  const Client second = join();
  first.wire().write("bye");
  second.wire().write("bye");
  std::size_t left = 0;
  reactor().detach(first.story->id, [&](Detached detached) {
    for (int i = 0; i < 80; ++i) reader.wire().write(text_of(1000));  // more than a tape holds
    go_on(std::move(detached));
    ++left;
  });
  reactor().detach(second.story->id, [&](Detached detached) {
    other_reader.wire().write("a word");
    go_on(std::move(detached));
    ++left;
  });
  ASSERT_TRUE(both_until([&] { return left == 2; }));
  other_reader.wire().write(" and another");
  EXPECT_TRUE(both_until([&] {
    return reader.peer->received().size() == 80000 && other_reader.peer->received() == "a word and another";
  }));
}

TEST_P(Detaching, TenTimesInTheMiddleOfATransferBothWays) {
  const std::string in = text_of(600000, "in");
  const std::string out = text_of(600000, "out");
  std::string received;
  std::size_t written = 0;
  std::size_t moves = 0;
  std::size_t queued = 0;
  bool moving = false;
  Reactor* home = &reactor();
  std::vector<Story*> stories;
  Script script;
  const auto move = [&] {
    Reactor* const next = home == &reactor() ? &other() : &reactor();
    moving = true;
    home->detach(stories.back()->id, [&, next](Detached left) {
      queued += left.queued.size();
      home = next;
      stories.push_back(&new_story());
      stories.back()->id = next->adopt(std::move(left), std::make_unique<Actor>(*stories.back(), script));
      moving = false;
      ++moves;
    });
  };
  const auto its_turn = [&] { return !moving && moves < 10 && received.size() >= (moves + 1) * 25000; };
  script.received = [&](Actor& actor, std::string_view text) {
    received += text;
    const std::size_t size = std::min(text.size(), out.size() - written);
    actor.wire().write(std::string_view(out).substr(written, size));
    written += size;
    if (moves % 2 == 0 && its_turn()) move();  // in the middle of its input
  };
  const Client client = join(script, true);
  stories.push_back(client.story);
  client.peer->window(0);
  client.peer->send(in);
  std::size_t opened = 0;
  ASSERT_TRUE(both_until([&] {
    if (moves % 2 == 1 && its_turn()) move();  // between two turns
    if (opened < moves && moves >= 3) client.peer->window(10000 * (opened = moves));
    return moves == 10;
  }));
  client.peer->close();
  client.peer->window(Peer::everything);
  ASSERT_TRUE(both_until([&] { return client.peer->ended() || client.peer->was_reset(); }));
  EXPECT_SAME(received, in);
  EXPECT_SAME(client.peer->received(), out);
  EXPECT_GT(queued, 0U) << "nothing was under way";
  ASSERT_EQ(stories.size(), 11U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(stories[i]->reason->kind(), Reason::Kind::detached);
    EXPECT_EQ(stories[i]->times("ended"), 0U);
  }
  ASSERT_TRUE(both_until([&] { return stories.back()->lost(); }));
  EXPECT_EQ(stories.back()->reason->kind(), Reason::Kind::done);
  EXPECT_EQ(stories.back()->times("ended"), 1U);
}

TEST_P(Detaching, ItsProtocolIsToldFirst) {
  const Client client = join();
  bool left = false;
  reactor().detach(client.story->id, [&](Detached detached) {
    EXPECT_TRUE(client.story->destroyed);
    EXPECT_EQ(reactor().find(client.story->id), nullptr);
    EXPECT_EQ(reactor().connections(), 0U);
    EXPECT_EQ(detached.peer.host(), "127.0.0.1");
    left = true;
    go_on(std::move(detached));
  });
  EXPECT_FALSE(left || client.story->lost()) << "told from inside the call";
  client.wire().write("too late");
  client.wire().lose_connection();
  client.wire().abort_connection();
  EXPECT_FALSE(client.wire().reading());
  ASSERT_TRUE(both_until([&] { return left && other().connections() == 1; }));
  EXPECT_EQ(client.story->told, (Told{"made", "lost"}));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::detached);
  both_settle();
  EXPECT_FALSE(client.peer->ended() || client.peer->was_reset());
  EXPECT_EQ(client.peer->received(), "");
}

TEST_P(Detaching, WhatIsQueuedIsSentFirst) {
  const Client client = join({}, true);
  std::string all = fill(client);
  for (const std::size_t size : {100U, 70000U}) {
    all += text_of(size, "late");
    client.wire().write(std::string_view(all).substr(all.size() - size));
  }
  Detached left = detached(client);
  EXPECT_FALSE(left.queued.empty());
  EXPECT_TRUE(all.ends_with(left.queued));
  Story& story = go_on(std::move(left), {.made = [](Actor& actor) { actor.wire().write(" and more"); }});
  ASSERT_TRUE(both_until([&] { return story.made(); }));
  client.peer->window(Peer::everything);
  wire(story).lose_connection();
  ASSERT_TRUE(both_until([&] { return client.peer->ended(); }));
  EXPECT_SAME(client.peer->received(), all + " and more");
}

TEST_P(Detaching, WhatHasComeWhilePausedIsReadThere) {
  const std::string text = text_of(30000);
  const Client client = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  client.peer->send(text);
  settle();
  Detached left = detached(client);
  EXPECT_TRUE(text.starts_with(left.received));
  EXPECT_EQ(client.story->received, "");
  client.peer->send(" and more");
  Story& story = go_on(std::move(left));
  ASSERT_TRUE(both_until([&] { return story.received.size() == text.size() + 9; }));
  EXPECT_SAME(story.received, text + " and more");
}

TEST_P(Detaching, WhatWasReceivedComesFirstAndWaitsForResume) {
  const Client client = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  Detached left = detached(client);
  left.received += "first, ";
  client.peer->send("second");
  Story& story = go_on(std::move(left), {.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  ASSERT_TRUE(both_until([&] { return story.made(); }));
  both_settle();
  EXPECT_EQ(story.received, "");
  wire(story).resume_reading();
  EXPECT_EQ(story.received, "") << "told from inside the call";
  ASSERT_TRUE(both_until([&] { return story.received.size() == 13; }));
  EXPECT_EQ(story.received, "first, second");
  EXPECT_GT(story.times("received"), 1U);
}

// It may leave once more before it was given what it has brought.
TEST_P(Detaching, WhatWasReceivedTravelsOn) {
  const Client client = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  Detached left = detached(client);
  left.received += "first, ";
  left.queued += "words";
  client.peer->window(0);
  Story& between = go_on(std::move(left), {.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  std::optional<Detached> again;
  other().detach(between.id, [&](Detached more) { again = std::move(more); });
  ASSERT_TRUE(both_until([&] { return again.has_value(); }));
  EXPECT_EQ(between.told, (Told{"made", "lost"}));
  EXPECT_TRUE(again->received.starts_with("first, "));
  client.peer->send("second");
  client.peer->window(Peer::everything);
  Story& story = go_on(std::move(*again));
  ASSERT_TRUE(both_until([&] { return story.received.size() == 13; }));
  EXPECT_EQ(story.received, "first, second");
  ASSERT_TRUE(both_until([&] { return client.peer->received() == "words"; }));
}

TEST_P(Detaching, ThePeersEndThatWasSeenIsToldAgain) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.story->times("ended") == 1; }));
  Detached left = detached(client);
  EXPECT_TRUE(left.peer_ended);
  Story& story = go_on(std::move(left), {.ended = [](Actor& actor) {
                         actor.wire().write("still here");
                         return true;
                       }});
  ASSERT_TRUE(both_until([&] { return story.times("ended") == 1; }));
  EXPECT_EQ(story.told.back(), "ended");
  ASSERT_TRUE(both_until([&] { return client.peer->received() == "still here"; }));
  EXPECT_FALSE(story.lost());
  wire(story).lose_connection();
  ASSERT_TRUE(both_until([&] { return client.peer->ended() && story.lost(); }));
  EXPECT_EQ(story.times("ended"), 1U);
}

TEST_P(Detaching, ThePeersEndThatWasNotReadIsReadThere) {
  const Client client = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  client.peer->send("good-bye");
  client.peer->close();
  settle();
  Story& story = go_on(detached(client));
  ASSERT_TRUE(both_until([&] { return story.lost(); }));
  EXPECT_EQ(story.received, "good-bye");
  EXPECT_EQ(story.times("ended"), 1U);
  EXPECT_EQ(story.reason->kind(), Reason::Kind::done);
}

TEST_P(Detaching, TheEndWaitsForWhoPausesInWhatWasReceived) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.story->times("ended") == 1; }));
  Detached left = detached(client);
  left.received += "the last of it";
  Story& story = go_on(std::move(left),
                       {.received = [](Actor& actor, std::string_view) { actor.wire().pause_reading(); }});
  ASSERT_TRUE(both_until([&] { return !story.received.empty(); }));
  both_settle();
  EXPECT_EQ(story.times("ended"), 0U);
  wire(story).resume_reading();
  ASSERT_TRUE(both_until([&] { return story.lost(); }));
  EXPECT_EQ(story.received, "the last of it");
  EXPECT_EQ(story.times("ended"), 1U);
  EXPECT_EQ(story.reason->kind(), Reason::Kind::done);
}

// Where writes are the kernel's for a time: it is waited for, and what it took is not sent twice.
TEST_P(Detaching, AWriteInFlightIsWaitedFor) {
  for (std::size_t round = 0; round < 30; ++round) {
    const Client client = join();
    const std::string text = text_of(3000 + 100 * round, std::to_string(round));
    client.wire().write(text);
    for (std::size_t turns = 0; turns < 1 + round % 3; ++turns) turn();
    Story& story = go_on(detached(client));
    other().find(story.id)->write(" and more");
    other().find(story.id)->shutdown_write();
    ASSERT_TRUE(both_until([&] { return client.peer->ended(); }));
    EXPECT_SAME(client.peer->received(), text + " and more");
    client.peer->close();
  }
}

TEST_P(Detaching, BeforeItWasMade) {
  const Client client = adopt();
  client.peer->send("hello");
  Detached left = detached(client);
  EXPECT_EQ(client.story->told, (Told{"made", "lost"}));
  Story& story = go_on(std::move(left));
  ASSERT_TRUE(both_until([&] { return story.received == "hello"; }));
}

TEST_P(Detaching, OneThatEndsIsRefused) {
  const auto refused = [&](TransportId id) {
    EXPECT_THROW(reactor().detach(id, [](Detached) { ADD_FAILURE() << "it was refused"; }), std::logic_error);
  };
  refused(TransportId{});
  const Client closing = join({}, true);
  fill(closing);
  closing.wire().lose_connection();
  refused(closing.story->id);
  settle();
  refused(closing.story->id);
  const Client aborted = join();
  aborted.wire().abort_connection();
  refused(aborted.story->id);
  const Client shut = join();
  shut.wire().shutdown_write();
  refused(shut.story->id);
  const Client gone = join();
  gone.peer->close();
  ASSERT_TRUE(until([&] { return gone.story->lost(); }));
  refused(gone.story->id);
  const Client left = join();
  reactor().detach(left.story->id, [&](Detached detached) { go_on(std::move(detached)); });
  refused(left.story->id);
  ASSERT_TRUE(both_until([&] { return other().connections() == 1; }));
  refused(left.story->id);
}

TEST_P(Detaching, OneWithAProducerIsRefused) {
  const Client client = join();
  Idle producer;
  client.wire().register_producer(producer, Production::streaming);
  EXPECT_THROW(reactor().detach(client.story->id, [](Detached) {}), std::logic_error);
  client.wire().unregister_producer();
  client.peer->send("hello");
  Story& story = go_on(detached(client));
  ASSERT_TRUE(both_until([&] { return client.story->received + story.received == "hello"; }));
}

TEST_P(Detaching, OneUnderAFilterIsRefusedAndGoesOn) {
  Story& story = new_story();
  const auto filtered = [&] { return std::make_unique<Filter>(std::make_unique<Actor>(story, Script{})); };
  const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0}, filtered);
  const std::unique_ptr<Peer> peer = outside().connect(at.host());
  ASSERT_TRUE(until([&] { return story.made(); }));
  EXPECT_THROW(reactor().detach(story.id, [](Detached) {}), std::logic_error);
  peer->send("hello");
  ASSERT_TRUE(until([&] { return story.received == "hello"; }));
  EXPECT_FALSE(story.lost());
}

TEST_P(Detaching, AReactorThatStopsWaitsForIt) {
  for (const bool stop_first : {true, false}) {
    const Client client = join({}, true);
    const std::string all = fill(client);
    std::optional<Detached> left;
    if (stop_first) reactor().stop(1h);
    reactor().detach(client.story->id, [&](Detached detached) { left = std::move(detached); });
    if (!stop_first) reactor().stop(1h);
    bool running = true;
    for (int i = 0; i < 20000 && running; ++i) running = reactor().turn(0s);
    ASSERT_FALSE(running);
    ASSERT_TRUE(left);
    EXPECT_EQ(client.story->reason->kind(), Reason::Kind::detached);
    Story& story = go_on(std::move(*left));
    other().find(story.id)->shutdown_write();
    client.peer->window(Peer::everything);
    ASSERT_TRUE(both_until([&] { return client.peer->ended(); }));
    EXPECT_SAME(client.peer->received(), all);
    listen();
  }
}

TEST_P(Detaching, OneThatComesWhileItStopsIsClosedInGoodOrder) {
  const Client client = join({}, true);
  const std::string all = fill(client);
  Detached left = detached(client);
  left.received += "not wanted any more";
  Story& story = go_on(std::move(left));
  other().stop(1h);
  client.peer->window(Peer::everything);
  bool running = true;
  for (int i = 0; i < 20000 && running; ++i) {
    running = other().turn(0s);
    outside().move();
    if (client.peer->ended()) client.peer->close();
  }
  EXPECT_FALSE(running);
  EXPECT_EQ(story.reason->kind(), Reason::Kind::closed);
  EXPECT_SAME(client.peer->received(), all);
}

TEST_P(Detaching, AReactorThatGoesMeanwhileClosesIt) {
  const Client client = join();
  reactor().detach(client.story->id, [](Detached) { ADD_FAILURE() << "its reactor is gone"; });
  Actor::dropping(true);
  drop();
  Actor::dropping(false);
  bool over = false;
  for (int i = 0; i < 1000 && !over; ++i) {
    other().turn(in_memory() ? 0s : 1ms);
    outside().move();
    over = client.peer->ended() || client.peer->was_reset();
  }
  EXPECT_TRUE(over) << "its descriptor is nobody's";
}

TEST_P(Detaching, WhatEscapesThenHarmsNobody) {
  const Client client = join();
  const Client bystander = join();
  int handle = -1;
  reactor().detach(client.story->id, [&](Detached left) {
    handle = left.handle.native;
    go_on(std::move(left));
    throw std::runtime_error("on purpose");
  });
  ASSERT_TRUE(both_until([&] { return handle >= 0; }));
  EXPECT_EQ(logged_.size(), 1U);
  bystander.peer->send("well");
  ASSERT_TRUE(both_until([&] { return bystander.story->received == "well"; }));
}

}  // namespace
}  // namespace parley::conformance
