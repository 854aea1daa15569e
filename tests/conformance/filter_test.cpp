// Longer than 500 lines: all that a filter may do, each over every back end, in one place.
// What a filter may do, and what holds of a connection that stands under some.

#include "parley/reactor/filter.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/reactor/group.h"
#include "tests/conformance/filtering.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

using Filters = Filtering;
PARLEY_CONFORMANCE(Filters);

TEST_P(Filters, WhatPassesIsChangedBothWays) {
  const Client client = join_under(scripted(shifting_));
  ASSERT_TRUE(made(client));
  const std::string text = text_of(40000);
  client.wire().write(text);
  client.wire().write(Slice(text));
  client.peer->send(shifted("hello", 1));
  ASSERT_TRUE(until([&] {
    return client.peer->received().size() >= 2 * text.size() && client.story->received.size() >= 5;
  }));
  EXPECT_SAME(client.peer->received(), shifted(text + text, 1));
  EXPECT_EQ(client.story->received, "hello");
  EXPECT_EQ(client.wire().queued(), 0U);
}

// What was written in a turn is shown at once: that makes one record of TLS, and not one for each write.
TEST_P(Filters, AFlushIsOneWhateverWasWritten) {
  int flushes = 0;
  const Scripted::Script counting{.flush = [&](Scripted&, Filter::Output& output) {
    ++flushes;
    output.pass(output.size());
  }};
  const Client client = join_under(scripted(counting));
  ASSERT_TRUE(made(client));
  reactor().post([&] {
    for (int i = 0; i < 50; ++i) client.wire().write("word ");
    client.wire().write(Slice::permanent("slice"));
  });
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= 255; }));
  EXPECT_EQ(flushes, 1);
}

// The peer does not read: what waits is what the application has written, counted as everywhere, and little
// more was made of it than the kernel has taken.
TEST_P(Filters, WhatWaitsIsNotMadeAnythingOf) {
  std::size_t gone_through = 0;
  const Scripted::Script counting{.flush = [&](Scripted&, Filter::Output& output) {
    gone_through += output.size();
    shift(output, 1);
  }};
  const Client client = join_under(scripted(counting), {}, true);
  ASSERT_TRUE(made(client));
  client.peer->window(0);
  std::string all;
  fill(client, all);
  for (int i = 0; i < 30; ++i) {
    const std::string more = text_of(10000, std::to_string(i) + '.');
    all += more;
    client.wire().write(more);
    turn();
  }
  EXPECT_GE(client.wire().queued(), 250000U);
  EXPECT_LE(gone_through, all.size() - 200000);
  EXPECT_EQ(client.story->times("pause_writing"), 1U);
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), shifted(all, 1));
  EXPECT_EQ(client.story->times("resume_writing"), 1U);
}

TEST_P(Filters, WhoIsTooFarBehindIsCutOff) {
  Limits limits;
  limits.sendq_bytes = 100000;
  start(limits);
  const Client client = join_under(scripted(shifting_), {}, true);
  ASSERT_TRUE(made(client));
  client.peer->window(0);
  for (int i = 0; i < 4000 && !client.story->lost(); ++i) {
    client.wire().write(text_of(10000));
    settle();
  }
  ASSERT_TRUE(client.story->lost());
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::behind);
}

// The order of what was told to all and to one holds under filters and without, and whoever tells them is
// charged for a message once, however many of them stand under filters.
TEST_P(Filters, AGroupTellsMembersWithAndWithoutFilters) {
  Group group(reactor());
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(i % 2 == 0 ? join_under(scripted(shifting_)) : join());
    ASSERT_TRUE(made(clients.back()));
    group.add(clients.back().wire());
  }
  const Client sender = join({.received = [&](Actor&, std::string_view) { group.broadcast(text_of(9000)); }});
  int turns = 0;
  sender.peer->send("x");
  ASSERT_TRUE(until([&] { return !sender.story->received.empty(); }));
  EXPECT_TRUE(sender.wire().reading());  // 9000 bytes, and not 60 times as many: its share is larger
  group.broadcast("a");
  clients[0].wire().write("b");
  group.broadcast(omit(clients[1].wire()), "c");
  ASSERT_TRUE(until([&] {
    ++turns;
    return std::ranges::all_of(clients, [](const Client& c) { return c.peer->received().size() >= 9001; }) &&
           clients[0].peer->received().size() >= 9003 && clients[2].peer->received().size() >= 9002;
  }));
  EXPECT_SAME(clients[0].peer->received(), shifted(text_of(9000) + "abc", 1));
  EXPECT_SAME(clients[1].peer->received(), text_of(9000) + "a");
  EXPECT_SAME(clients[2].peer->received(), shifted(text_of(9000) + "ac", 1));
}

TEST_P(Filters, StandUponFilters) {
  const Scripted::Script further{.received =
                                     [](Scripted& self, std::span<char> lent) {
                                       for (char& c : lent) c = static_cast<char>(c - 2);
                                       self.application().data_received(lent);
                                     },
                                 .flush = [](Scripted&, Filter::Output& output) { shift(output, 2); },
                                 .finish =
                                     [](Scripted&, Filter::Output& output) {
                                       output.put("upper");
                                       return true;
                                     }};
  Scripted::Script lower = shifting_;
  lower.finish = [](Scripted&, Filter::Output& output) {
    output.put("lower");
    return true;
  };
  const Client client = join_under(layers(scripted(lower), layers(scripted(further), scripted(further))));
  ASSERT_TRUE(made(client));
  client.peer->send(shifted("hello", 5));
  client.wire().write("answer");
  client.wire().lose_connection();
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
  EXPECT_EQ(client.peer->received(),
            shifted("answer", 5) + shifted("upper", 3) + shifted("upper", 1) + "lower");
}

// A handshake: the application is told when the filter says so, and nothing of what goes before.
TEST_P(Filters, HoldBackConnectionMade) {
  bool lost = false;
  const Scripted::Script handshake{.made =
                                       [](Scripted& self) {
                                         self.want_flush();  // it begins
                                       },
                                   .received =
                                       [](Scripted& self, std::span<char> lent) {
                                         const std::string_view text(lent.data(), lent.size());
                                         if (text.find('!') == text.npos) return;
                                         self.tell_made();
                                       },
                                   .flush =
                                       [](Scripted&, Filter::Output& output) {
                                         if (output.size() == 0) output.put("who? ");
                                         output.pass(output.size());
                                       },
                                   .lost = [&](const Reason&) { lost = true; }};
  const Client client =
      join_under(scripted(handshake), {.made = [](Actor& self) { self.wire().write("welcome"); }});
  ASSERT_TRUE(until([&] { return client.peer->received() == "who? "; }));
  EXPECT_FALSE(client.story->made());
  client.peer->send("me");
  settle();
  EXPECT_FALSE(client.story->made());
  client.peer->send("!");
  ASSERT_TRUE(until([&] { return client.peer->received() == "who? welcome"; }));
  EXPECT_EQ(client.story->told, std::vector<std::string>{"made"});

  // One that never gets so far is told nothing, and goes with its filter.
  lost = false;
  const Client other = join_under(scripted(handshake));
  ASSERT_TRUE(until([&] { return other.peer->received() == "who? "; }));
  other.peer->reset();
  ASSERT_TRUE(until([&] { return lost && other.story->destroyed; }));
  EXPECT_TRUE(other.story->told.empty());
}

TEST_P(Filters, AreAskedForTheirLastWordsUntilTheyHaveSaidThem) {
  for (const bool whole : {false, true}) {
    int asked = 0;
    bool ready = false;
    Scripted* filter = nullptr;
    const Scripted::Script slow{.made =
                                    [&](Scripted& self) {
                                      filter = &self;
                                      self.tell_made();
                                    },
                                .finish =
                                    [&](Scripted&, Filter::Output& output) {
                                      ++asked;
                                      if (ready) output.put(" and bye");
                                      return ready;
                                    }};
    const Client client = join_under(scripted(slow), {.ended = [](Actor&) { return true; }});
    ASSERT_TRUE(made(client));
    client.wire().write("text");
    whole ? client.wire().lose_connection() : client.wire().shutdown_write();
    settle();
    EXPECT_GE(asked, 1);
    EXPECT_FALSE(client.peer->ended());
    EXPECT_FALSE(client.story->lost());
    ready = true;
    asked = 0;
    filter->want_flush();
    ASSERT_TRUE(until([&] { return client.peer->ended(); }));
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(client.peer->received(), "text and bye");
    EXPECT_EQ(client.story->lost(), whole);
    if (whole) continue;
    // Our direction has ended: a filter that would say more is not asked.
    filter->want_flush();
    client.peer->send("still there");
    ASSERT_TRUE(until([&] { return client.story->received == "still there"; }));
    EXPECT_EQ(client.peer->received(), "text and bye");
  }
}

// What a filter holds back for a time of its own is not for the peer to take: it is not cut off for that.
TEST_P(Filters, WhatTheyHoldBackLeavesWhenTheyLetItAndClosingWaits) {
  std::size_t most = 0;
  Scripted* filter = nullptr;
  const Scripted::Script throttling{.made =
                                        [&](Scripted& self) {
                                          filter = &self;
                                          self.tell_made();
                                        },
                                    .flush =
                                        [&](Scripted&, Filter::Output& output) {
                                          const std::size_t some = std::min(most, output.size());
                                          output.pass(some);
                                          most -= some;
                                          if (output.size() != 0) output.defer();
                                        }};
  const Client client = join_under(scripted(throttling));
  ASSERT_TRUE(made(client));
  const std::string text = text_of(5000);
  client.wire().write(std::string_view(text).substr(0, 2000));
  settle();
  client.wire().write(std::string_view(text).substr(2000));
  client.wire().lose_connection();
  settle();
  EXPECT_EQ(client.wire().queued(), text.size());
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(client.story->lost());
    pass(60s);  // more than close_timeout
    most = 1000;
    filter->want_flush();
    ASSERT_TRUE(
        until([&] { return client.peer->received().size() >= static_cast<std::size_t>(i + 1) * 1000; }));
  }
  ASSERT_TRUE(until([&] { return client.story->lost() && client.peer->ended(); }));
  EXPECT_SAME(client.peer->received(), text);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
}

// A filter that pauses the input, and an application that does: nothing comes until neither does.
TEST_P(Filters, PauseTheInputBesideTheApplication) {
  Scripted* lower = nullptr;
  Scripted* upper = nullptr;
  const auto keep = [](Scripted*& place) {
    return Scripted::Script{.made = [&place](Scripted& self) {
      place = &self;
      self.tell_made();
    }};
  };
  const Scripted::Script first = keep(lower);
  const Scripted::Script second = keep(upper);
  const Client client = join_under(layers(scripted(first), scripted(second)));
  ASSERT_TRUE(made(client));
  lower->pause_input();
  upper->pause_input();
  client.wire().pause_reading();
  EXPECT_FALSE(client.wire().reading());
  client.peer->send("hello");
  settle();
  lower->resume_input();
  settle();
  client.wire().resume_reading();
  settle();
  EXPECT_FALSE(client.wire().reading());
  EXPECT_EQ(client.story->received, "");
  upper->resume_input();
  ASSERT_TRUE(until([&] { return client.story->received == "hello"; }));
  upper->pause_input();
  client.wire().pause_reading();
  upper->resume_input();
  client.peer->send(" more");
  settle();
  EXPECT_EQ(client.story->received, "hello");
  client.wire().resume_reading();
  ASSERT_TRUE(until([&] { return client.story->received == "hello more"; }));
}

// Whatever is done in a flush: the others get what is theirs, and this one its end.
TEST_P(Filters, CloseWithinAFlush) {
  enum class How { abort, fail, lose, escape };
  for (const How how : {How::abort, How::fail, How::lose, How::escape}) {
    const Scripted::Script closing{.flush = [&](Scripted& self, Filter::Output& output) {
      output.put("half");
      switch (how) {
        case How::abort:
          return self.transport().abort_connection();
        case How::fail:
          return self.fail(std::make_error_code(std::errc::protocol_error));
        case How::lose:
          self.transport().lose_connection();
          return output.pass(output.size());
        case How::escape:
          throw std::runtime_error("in a flush");
      }
    }};
    Group group(reactor());
    const Client before = join_under(scripted(shifting_));
    ASSERT_TRUE(made(before));
    const Client client = join_under(layers(scripted(shifting_), scripted(closing)));
    ASSERT_TRUE(made(client));
    const Client after = join();
    for (const Client* one : {&before, &client, &after}) group.add(one->wire());
    group.broadcast("told");
    ASSERT_TRUE(until([&] {
      return before.peer->received() == shifted("told", 1) && after.peer->received() == "told" &&
             client.story->lost();
    }));
    const Reason reason = *client.story->reason;
    EXPECT_EQ(reason.kind(), how == How::abort  ? Reason::Kind::aborted
                             : how == How::fail ? Reason::Kind::failed
                             : how == How::lose ? Reason::Kind::closed
                                                : Reason::Kind::handler);
    if (how == How::fail) {
      EXPECT_EQ(reason.error(), std::make_error_code(std::errc::protocol_error));
    }
    if (how == How::lose) {
      EXPECT_TRUE(until([&] { return client.peer->received() == shifted("halftold", 1); }));
    }
  }
}

// STARTTLS: what was queued before leaves in clear, and what comes after goes through the filter.
TEST_P(Filters, ArePutUnderALivingProtocol) {
  for (const bool upon_another : {false, true}) {
    const Script script{.received = [&](Actor& self, std::string_view text) {
      const std::size_t end = text.find('\n');
      if (end == text.npos) return;
      self.wire().write("go ahead\n");
      // What came behind the line belongs to the filter.
      self.wire().insert(std::make_unique<Scripted>(shifting_), text.substr(end + 1));
      self.wire().write("inside");
      EXPECT_FALSE(self.wire().reading());
    }};
    const Client client = upon_another ? join_under(scripted(shifting_), script) : join(script);
    ASSERT_TRUE(made(client));
    const int outer = upon_another ? 1 : 0;
    client.peer->send(shifted("starttls\n" + shifted("rest ", 1), outer));
    const std::string expected = shifted("go ahead\n" + shifted("inside", 1), outer);
    ASSERT_TRUE(until([&] { return client.peer->received().size() >= expected.size(); }));
    EXPECT_EQ(client.peer->received(), expected);
    client.peer->send(shifted("more", 1 + outer));
    ASSERT_TRUE(until([&] { return client.story->received.ends_with("rest more"); }));
  }
}

// The kernel is full when the filter comes: a write in flight goes on, and its rest leaves in clear.
TEST_P(Filters, ArePutInTheMiddleOfAWrite) {
  const Client client = join({}, true);
  client.peer->window(0);
  std::string all;
  fill(client, all);
  client.wire().insert(std::make_unique<Scripted>(shifting_), {});
  const std::string inside = text_of(90000, "in:");
  client.wire().write(inside);
  settle();
  EXPECT_EQ(client.story->told.front(), "made");
  EXPECT_EQ(client.story->times("made"), 1U);
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= all.size() + inside.size(); }));
  EXPECT_SAME(client.peer->received(), all + shifted(inside, 1));
}

TEST_P(Filters, AreRefusedWhereTheyCannotBePut) {
  const Client client = join();
  EXPECT_THROW(client.wire().insert(nullptr, {}), std::invalid_argument);
  client.wire().insert(std::make_unique<Filter>(), {});
  EXPECT_THROW(client.wire().insert(std::make_unique<Filter>(), {}), std::logic_error);
  settle();
  bool refused = false;
  const Scripted::Script in_a_flush{.flush = [&](Scripted& self, Filter::Output& output) {
    output.pass(output.size());
    try {
      self.transport().insert(std::make_unique<Filter>(), {});
    } catch (const std::logic_error&) {
      refused = true;
    }
  }};
  client.wire().insert(std::make_unique<Scripted>(in_a_flush), {});
  settle();
  client.wire().write("text");
  ASSERT_TRUE(until([&] { return client.peer->received() == "text"; }));
  EXPECT_TRUE(refused);
  // On one that has ended it is dropped.
  client.wire().abort_connection();
  client.wire().insert(std::make_unique<Filter>(), {});
  settle();
}

// A wrap that makes no filter refuses the connection, as a factory does that makes no protocol.
TEST_P(Filters, NoneRefusesTheConnection) {
  const Client client = join_under([](const Address&) { return std::unique_ptr<Filter>(); });
  ASSERT_TRUE(until([&] { return client.peer->ended() || client.peer->was_reset(); }));
  EXPECT_TRUE(client.story->told.empty());
}

}  // namespace
}  // namespace parley::conformance
