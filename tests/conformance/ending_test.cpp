// Rule 9, and every other way in which a connection ends.

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Ending : public Conformance {
 protected:
  // Queues that much for a client that does not read, and closes. Answers all that it was written.
  std::string close_behind(const Client& client, std::size_t behind) {
    client.peer->window(0);
    std::string all;
    for (int i = 0; i < 4000 && client.wire().queued() < behind; ++i) {
      all += text_of(16000, std::to_string(i) + ':');
      client.wire().write(std::string_view(all).substr(all.size() - 16000));
      settle();
    }
    client.wire().lose_connection();
    settle();
    return all;
  }
};
PARLEY_CONFORMANCE(Ending);
PARLEY_CONFORMANCE_UNDER_FILTERS(Ending);

// Writes nothing of itself.
class Silent final : public Producer {
 public:
  void resume_producing() override { ++asked; }
  void stop_producing() override { ++stopped; }

  int asked = 0;
  int stopped = 0;
};

// The peer goes on talking while it is told good-bye. Whoever closed now, with its words unread, would
// reset the connection, and our own last words would be lost with it.
TEST_P(Ending, Rule9_LastWordsArriveThoughThePeerGoesOnTalking) {
  const std::string words = text_of(150000);
  const Client client = join({.received = [&](Actor& actor, std::string_view) {
    actor.wire().write(words);
    actor.wire().lose_connection();
  }});
  client.peer->send(text_of(100000));
  for (int i = 0; i < 50; ++i) {
    client.peer->send("and another thing\r\n");
    turn();
  }
  ASSERT_TRUE(until([&] { return client.peer->ended() || client.peer->was_reset(); }));
  EXPECT_FALSE(client.peer->was_reset());
  EXPECT_SAME(client.peer->received(), words);
  EXPECT_EQ(client.story->times("received"), 1U);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
  client.peer->send("one more");
  client.peer->close();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
}

TEST_P(Ending, Rule9_ConnectionLostComesWithTheFlushAndThePlaceLingers) {
  const Client client = join();
  client.wire().write("last words");
  client.wire().lose_connection();
  EXPECT_FALSE(client.story->lost());  // rule 8
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_TRUE(client.story->destroyed);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
  EXPECT_EQ(reactor().find(client.story->id), nullptr);
  EXPECT_EQ(reactor().connections(), 0U);
  settle();
  EXPECT_EQ(client.peer->received(), "last words");
  EXPECT_TRUE(client.peer->ended());
  EXPECT_EQ(counts_.open, 1U);
  pass(1990ms);
  EXPECT_EQ(counts_.open, 1U);
  client.peer->send("you still there?");
  settle();
  EXPECT_FALSE(client.peer->was_reset());
  pass(10ms);
  EXPECT_EQ(counts_.open, 0U);
  client.peer->send("anybody?");
  EXPECT_TRUE(until([&] { return client.peer->was_reset(); }));
}

TEST_P(Ending, Rule9_AFloodCannotMakeItLinger) {
  const Client client = join();
  client.wire().lose_connection();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  for (int i = 0; i < 200 && counts_.open != 0; ++i) {
    client.peer->send(text_of(3000));
    outside().clock().advance(20ms);
    turn();
  }
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
}

TEST_P(Ending, Rule9_WhatIsQueuedForASlowPeerIsSentFirst) {
  const Client client = join({}, true);
  client.peer->window(1000);
  std::string all;
  for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
    all += text_of(16000, std::to_string(i) + ':');
    client.wire().write(std::string_view(all).substr(all.size() - 16000));
    settle();
  }
  client.wire().lose_connection();
  client.wire().write("too late");
  settle();
  EXPECT_FALSE(client.story->lost());
  pass(5s);  // it has its time
  while (!client.peer->ended()) {
    client.peer->window(100000);
    settle();
    ASSERT_FALSE(client.peer->was_reset());
  }
  EXPECT_SAME(client.peer->received(), all);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(Ending, APeerThatDoesNotTakeTheLastWordsIsCutOff) {
  const Client client = join({}, true);
  client.peer->window(0);
  for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
    client.wire().write(text_of(16000));
    settle();
  }
  client.wire().lose_connection();
  pass(29900ms);
  EXPECT_FALSE(client.story->lost());
  pass(100ms);
  ASSERT_TRUE(client.story->lost());
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::failed);
  EXPECT_EQ(client.story->reason->error(), std::errc::timed_out);
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_TRUE(client.peer->was_reset());
}

// Each 64 KiB that it takes give it the time anew: five times as long in all.
TEST_P(Ending, ASlowReaderIsNotCutOffInTheMiddle) {
  const Client client = join({}, true);
  const std::string all = close_behind(client, 500000);
  int steps = 0;
  for (; !client.story->lost() && steps < 20; ++steps) {
    pass(25s);
    ASSERT_FALSE(client.story->lost()) << "after " << steps << " steps";
    client.peer->window(90000);
    settle();
  }
  EXPECT_GE(steps, 5);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
  EXPECT_SAME(client.peer->received(), all);
}

// Otherwise a byte a minute would keep the connection for ever.
TEST_P(Ending, APeerThatTakesTooLittleIsCutOff) {
  const Client client = join({}, true);
  (void)close_behind(client, 500000);
  for (int i = 0; i < 3; ++i) {
    pass(9900ms);
    client.peer->window(15000);
    settle();
    ASSERT_FALSE(client.story->lost()) << i;
  }
  pass(299ms);
  EXPECT_FALSE(client.story->lost());
  pass(1ms);
  ASSERT_TRUE(client.story->lost());
  EXPECT_EQ(client.story->reason->error(), std::errc::timed_out);
}

TEST_P(Ending, AProducerThatGivesNothingIsStopped) {
  for (const Production how : {Production::pulled, Production::streaming}) {
    const Client client = join();
    Silent producer;
    client.wire().register_producer(producer, how);
    settle();
    client.wire().lose_connection();
    pass(29900ms);
    EXPECT_EQ(producer.stopped, 0);
    EXPECT_FALSE(client.story->lost());
    pass(100ms);
    EXPECT_EQ(producer.stopped, 1);
    ASSERT_TRUE(until([&] { return client.story->lost(); }));
    EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
    EXPECT_TRUE(until([&] { return client.peer->ended(); }));
  }
}

TEST_P(Ending, AProducerThatGivesALittleIsNot) {
  for (const Production how : {Production::pulled, Production::streaming}) {
    const Client client = join();
    Silent producer;
    client.wire().register_producer(producer, how);
    client.wire().lose_connection();
    for (int i = 0; i < 5; ++i) {
      pass(29900ms);
      ASSERT_EQ(producer.stopped, 0) << i;
      client.wire().write("more");
      settle();
    }
    pass(29900ms);
    EXPECT_EQ(producer.stopped, 0);
    pass(100ms);
    EXPECT_EQ(producer.stopped, 1);
    ASSERT_TRUE(until([&] { return client.story->lost(); }));
    EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
    EXPECT_EQ(client.peer->received(), "moremoremoremoremore");
  }
}

TEST_P(Ending, NothingIsReadOnceItCloses) {
  const Client client = join({.received = [](Actor& actor, std::string_view) {
    actor.wire().lose_connection();
    EXPECT_FALSE(actor.wire().reading());
    actor.wire().pause_reading();
    actor.wire().resume_reading();
    actor.wire().lose_connection();
  }});
  client.peer->send(text_of(500));
  settle();
  client.peer->send(text_of(500));
  client.peer->close();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_EQ(client.story->told, (std::vector<std::string>{"made", "received", "lost"}));
}

TEST_P(Ending, ResumingDoesNotBringReadingBack) {
  const Client client = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }}, true);
  client.peer->send("waiting");
  settle();
  client.wire().resume_reading();
  client.wire().lose_connection();
  client.wire().resume_reading();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  settle();
  EXPECT_EQ(client.story->told, (std::vector<std::string>{"made", "lost"}));
}

TEST_P(Ending, ThePeersEndClosesAfterWhatIsQueued) {
  const std::string answer = text_of(80000);
  const Client client = join({.received = [&](Actor& actor, std::string_view text) {
    if (text.back() == '?') actor.wire().write(answer);
  }});
  client.peer->send("a question?");
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.peer->ended() && counts_.open == 0; }));
  EXPECT_SAME(client.peer->received(), answer);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::done);
  EXPECT_EQ(client.story->times("ended"), 1U);
}

TEST_P(Ending, AWriteInEofReceivedStillLeaves) {
  const Client client = join({.ended = [](Actor& actor) {
    actor.wire().write("good-bye");
    return false;
  }});
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.peer->ended() && counts_.open == 0; }));
  EXPECT_EQ(client.peer->received(), "good-bye");
}

TEST_P(Ending, HalfClosedByThePeer) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.peer->send("all I have");
  client.peer->close();
  ASSERT_TRUE(until([&] { return client.story->times("ended") == 1; }));
  settle();
  EXPECT_FALSE(client.story->lost());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string text = text_of(5000, std::to_string(i) + '~');
    all += text;
    client.wire().write(text);
    settle();
  }
  EXPECT_SAME(client.peer->received(), all);
  client.wire().shutdown_write();
  ASSERT_TRUE(until([&] { return client.peer->ended() && counts_.open == 0; }));
  EXPECT_SAME(client.peer->received(), all);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::done);
}

TEST_P(Ending, HalfClosedByUs) {
  const Client client = join();
  client.wire().write("all we have");
  client.wire().shutdown_write();
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
  EXPECT_EQ(client.peer->received(), "all we have");
  const std::string text = text_of(50000);
  client.peer->send(text);
  ASSERT_TRUE(until([&] { return client.story->received.size() == text.size(); }));
  EXPECT_FALSE(client.story->lost());
  client.peer->close();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_SAME(client.story->received, text);
  EXPECT_EQ(client.story->times("ended"), 1U);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::done);
}

// Both ends close at once, and eof_received answers that it would like to stay: there is nothing to stay for.
TEST_P(Ending, HalfClosedByBoth) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.wire().shutdown_write();
  client.peer->close();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_EQ(client.story->times("lost"), 1U);
}

TEST_P(Ending, AbortingDropsWhatIsQueued) {
  const Client client = join({}, true);
  client.peer->window(0);
  client.wire().write(text_of(100));
  settle();
  client.wire().write("never");
  client.wire().abort_connection();
  client.wire().abort_connection();
  client.wire().lose_connection();
  EXPECT_FALSE(client.story->lost());  // rule 8
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::aborted);
  EXPECT_TRUE(until([&] { return client.peer->was_reset(); }));
}

TEST_P(Ending, AbortingOneThatIsClosing) {
  const Client client = join({}, true);
  client.peer->window(0);
  for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
    client.wire().write(text_of(16000));
    settle();
  }
  client.wire().lose_connection();
  settle();
  client.wire().abort_connection();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::aborted);
}

TEST_P(Ending, AResetIsTold) {
  const Client client = join();
  const Client paused = join({.made = [](Actor& actor) { actor.wire().pause_reading(); }});
  client.peer->reset();
  paused.peer->reset();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::failed);
  EXPECT_EQ(client.story->reason->error(), std::errc::connection_reset);
  EXPECT_EQ(client.story->times("ended"), 0U);
  settle();
  if (!paused.story->lost()) paused.wire().resume_reading();  // it need not be known before
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_EQ(paused.story->reason->kind(), Reason::Kind::failed);
}

TEST_P(Ending, AResetInTheMiddleOfAWrite) {
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(join({}, true));
    clients.back().peer->window(static_cast<std::size_t>(i) * 700);
    clients.back().wire().write(text_of(1000000));
  }
  for (int i = 0; i < 8; ++i) {
    for (int turns = 0; turns < i; ++turns) turn();
    clients[static_cast<std::size_t>(i)].peer->reset();
  }
  for (const Client& client : clients) {
    if (!client.story->lost()) client.wire().write("more");
  }
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  for (const Client& client : clients) EXPECT_EQ(client.story->reason->kind(), Reason::Kind::failed);
}

TEST_P(Ending, AnIdNamesItsConnectionAndNoOther) {
  const Client client = join({.lost = [this](Actor& actor, const Reason&) {
    EXPECT_EQ(reactor().find(actor.story().id), &actor.wire());
    EXPECT_EQ(actor.peer().host(), "127.0.0.1");
  }});
  const TransportId id = client.story->id;
  EXPECT_EQ(reactor().find(id), &client.wire());
  EXPECT_EQ(reactor().connections(), 1U);
  client.wire().abort_connection();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
  EXPECT_EQ(reactor().find(id), nullptr);
  const Client next = join();  // in the same place
  EXPECT_EQ(next.story->id.slot, id.slot);
  EXPECT_NE(next.story->id, id);
  EXPECT_EQ(reactor().find(id), nullptr);
  EXPECT_EQ(reactor().find(next.story->id), &next.wire());
  EXPECT_EQ(reactor().find(TransportId{}), nullptr);
  EXPECT_EQ(next.wire().host().port(), port());
}

TEST_P(Ending, AnExceptionEndsItsOwnConnectionAlone) {
  std::vector<std::string> escaped;
  reactor().on_error([&](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      escaped.emplace_back(e.what());
    }
  });
  const auto fail = [](const char* where) { throw std::runtime_error(where); };
  const Client made = join({.made = [&](Actor&) { fail("made"); }});
  const Client received = join({.received = [&](Actor&, std::string_view) { fail("received"); }});
  const Client ended = join({.ended = [&](Actor&) -> bool { throw std::runtime_error("ended"); }});
  const Client lost = join({.lost = [&](Actor&, const Reason&) { fail("lost"); }});
  const Client bystander = join();
  received.peer->send("!");
  ended.peer->close();
  lost.wire().lose_connection();
  ASSERT_TRUE(until([&] {
    return made.story->lost() && received.story->lost() && ended.story->lost() && lost.story->lost();
  }));
  for (const Client* client : {&made, &received, &ended}) {
    EXPECT_EQ(client->story->reason->kind(), Reason::Kind::handler);
  }
  EXPECT_EQ(lost.story->reason->kind(), Reason::Kind::closed);
  EXPECT_EQ(escaped.size(), 4U);
  EXPECT_GE(logged_.size(), 4U);
  bystander.peer->send("well");
  ASSERT_TRUE(until([&] { return bystander.story->received == "well"; }));
}

TEST_P(Ending, ADroppedReactorCallsNobody) {
  const Client client = join();
  const Client queued = join({}, true);
  queued.peer->window(0);
  queued.wire().write(text_of(3000000));
  client.wire().write("never flushed");
  const Client unmade = come();
  turn();
  Actor::dropping(true);
  drop();
  Actor::dropping(false);
  EXPECT_TRUE(client.story->destroyed);
  EXPECT_EQ(client.story->told, (std::vector<std::string>{"made"}));
  EXPECT_EQ(queued.story->times("lost"), 0U);
  EXPECT_EQ(Actor::alive(), 0U);
}

}  // namespace
}  // namespace parley::conformance
