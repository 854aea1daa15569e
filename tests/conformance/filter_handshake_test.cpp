// What filters do while something else goes on: closing, inserting and aborting in the middle of a handshake.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/filtering.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class FiltersUnderWay : public Filtering {
 protected:
  // Lets nothing pass until "!" has come, as TLS does while it shakes hands.
  class Handshake final : public Filter {
   public:
    explicit Handshake(int* made = nullptr) : made_(made) {}

    void connection_made() override {
      if (made_ != nullptr) ++*made_;
    }
    void data_received(std::span<char> lent) override {
      if (done_) return Filter::data_received(lent);
      const auto mark = std::find(lent.begin(), lent.end(), '!');
      if (mark == lent.end()) return;
      done_ = true;
      tell_made();
      want_flush();
      const std::span<char> rest(mark + 1, lent.end());
      if (!rest.empty()) Filter::data_received(rest);
    }
    void flush(Output& output) override {
      if (done_) output.pass(output.size());
    }

   private:
    int* made_;
    bool done_ = false;
  };
  static Wrap handshake(int* made = nullptr) {
    return [made](const Address&) { return std::make_unique<Handshake>(made); };
  }
};
PARLEY_CONFORMANCE(FiltersUnderWay);

// So much that the loop flushes before the filter was told of its connection.
TEST_P(FiltersUnderWay, WhatWasWrittenBeforeOneBeganLeavesAfterwards) {
  const Client client = join();
  std::string all;
  reactor().post([&] {
    client.wire().insert(std::make_unique<Filter>(), {});
    for (int i = 0; i < 10; ++i) {
      const std::string more = text_of(20000, std::to_string(i));
      all += more;
      client.wire().write(more);
    }
  });
  ASSERT_TRUE(until([&] { return !all.empty() && client.peer->received().size() >= all.size(); }));
  EXPECT_SAME(client.peer->received(), all);
}

TEST_P(FiltersUnderWay, SoDoesWhatWasWrittenBeforeTheLowerOneWasReady) {
  Scripted* lower = nullptr;
  const Scripted::Script waiting{.made = [&](Scripted& self) { lower = &self; }};
  const Client client = join_under(layers(scripted(waiting), plain()));
  ASSERT_TRUE(until([&] { return lower != nullptr; }));
  client.wire().write("early");
  settle();
  EXPECT_EQ(client.peer->received(), "");
  lower->tell_made();
  ASSERT_TRUE(until([&] { return client.peer->received() == "early"; }));
}

// A filter that says nothing of a time waits for the peer, which has its time and no more.
TEST_P(FiltersUnderWay, OneThatHoldsBackDoesNotKeepAClosingConnection) {
  for (const bool peer_ends : {false, true}) {
    const Client client = join_under(scripted({.flush = [](Scripted&, Filter::Output&) {}}),
                                     {.ended = [](Actor&) { return true; }});
    ASSERT_TRUE(made(client));
    client.wire().write("hello");
    if (peer_ends) {
      client.peer->close();
      settle();
    }
    client.wire().lose_connection();
    settle();
    pass(29s);
    EXPECT_FALSE(client.story->lost());
    pass(2s);
    ASSERT_TRUE(until([&] { return client.story->lost(); }));
    EXPECT_EQ(client.story->reason->error(), std::make_error_code(std::errc::timed_out));
  }
}

// STARTTLS, last words, and closing, all at once: the handshake is still to come, and the words after it.
TEST_P(FiltersUnderWay, AHandshakeGoesOnWhileItsConnectionCloses) {
  for (const bool came_before : {false, true}) {
    for (const bool upon_another : {false, true}) {
      const Script script{.received = [&](Actor& self, std::string_view) {
        self.wire().insert(std::make_unique<Handshake>(), came_before ? "! and more" : "");
        self.wire().write("last words");
        self.wire().lose_connection();
      }};
      const Client client = upon_another ? join_under(plain(), script) : join(script);
      ASSERT_TRUE(made(client));
      client.peer->send("starttls\n");
      settle();
      if (!came_before) {
        EXPECT_EQ(client.peer->received(), "");
        EXPECT_FALSE(client.story->lost());
        client.peer->send("hand");
        settle();
        client.peer->send("shake! and more");
      }
      ASSERT_TRUE(until([&] { return client.peer->ended(); }));
      EXPECT_EQ(client.peer->received(), "last words");
      // Nothing comes once it has closed.
      EXPECT_TRUE(std::string_view("starttls\n").starts_with(client.story->received));
      ASSERT_TRUE(until([&] { return client.story->lost(); }));
      EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
    }
  }
}

// The same where the peer sends its part of it at once, in the batch in which the connection closes.
TEST_P(FiltersUnderWay, AHandshakeThatComesInTheSameBatchIsNotDropped) {
  Limits limits;
  limits.read_bytes = 9;
  start(limits);
  const Script script{.received = [&](Actor& self, std::string_view) {
    self.wire().insert(std::make_unique<Handshake>(), {});
    self.wire().write("last words");
    self.wire().lose_connection();
  }};
  const Client client = join(script);
  client.peer->send("starttls\nhandshake!");
  if (in_memory()) return (void)until([&] { return client.story->lost(); });  // cut anywhere
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
  EXPECT_EQ(client.peer->received(), "last words");
}

// It may pause its input meanwhile: to ask somebody for a certificate.
TEST_P(FiltersUnderWay, AFilterOfAClosingConnectionMayPauseItsInput) {
  Scripted* filter = nullptr;
  std::string got;
  bool done = false;
  const Scripted::Script asking{.made = [&](Scripted& self) { filter = &self; },
                                .received =
                                    [&](Scripted& self, std::span<char> lent) {
                                      got.append(lent.data(), lent.size());
                                      if (got == "hello") self.pause_input();
                                      if (got != "hello!") return;
                                      done = true;
                                      self.want_flush();
                                    },
                                .flush =
                                    [&](Scripted&, Filter::Output& output) {
                                      if (done) output.pass(output.size());
                                    }};
  const Client client = join();
  client.wire().insert(std::make_unique<Scripted>(asking), {});
  client.wire().write("last words");
  client.wire().lose_connection();
  settle();
  ASSERT_NE(filter, nullptr);
  client.peer->send("hello");
  ASSERT_TRUE(until([&] { return got == "hello"; }));
  client.peer->send("!");
  settle();
  EXPECT_EQ(got, "hello");
  filter->resume_input();
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
  EXPECT_EQ(client.peer->received(), "last words");
}

// Whoever was told to pause is told to go on, though the filter came in between.
TEST_P(FiltersUnderWay, OneThatComesUnderPressureHandsOnThatItIsOver) {
  for (const bool upon_another : {false, true}) {
    const Client client = upon_another ? join_under(plain(), {}, true) : join({}, true);
    ASSERT_TRUE(made(client));
    client.peer->window(0);
    std::string all;
    fill(client, all);
    while (client.story->times("pause_writing") == 0) {
      const std::string more = text_of(30000);
      all += more;
      client.wire().write(more);
      settle();
    }
    client.wire().insert(std::make_unique<Filter>(), {});
    settle();
    client.peer->window(Peer::everything);
    ASSERT_TRUE(until([&] { return client.story->times("resume_writing") == 1; }));
  }
}

// A handshake that has agreed on what is spoken above it puts that there, before it lets anybody begin.
TEST_P(FiltersUnderWay, OneMayPutAnotherAboveItBeforeItsApplicationBegins) {
  Scripted* lower = nullptr;
  const Scripted::Script agreeing{
      .made = [&](Scripted& self) { lower = &self; },
      .received =
          [&](Scripted& self, std::span<char> lent) {
            if (lower == nullptr) return self.application().data_received(lent);
            if (lent.back() != '.') return;
            lower = nullptr;
            EXPECT_THROW(self.transport().insert(std::make_unique<Filter>(), "rest"), std::logic_error);
            self.transport().insert(std::make_unique<Scripted>(shifting_), {});
            self.tell_made();
          }};
  const Client client =
      join_under(scripted(agreeing), {.made = [](Actor& self) { self.wire().write("hi"); }});
  ASSERT_TRUE(until([&] { return lower != nullptr; }));
  client.peer->send("agreed.");
  ASSERT_TRUE(until([&] { return client.peer->received() == shifted("hi", 1); }));
  client.peer->send(shifted("hello", 1));
  ASSERT_TRUE(until([&] { return client.story->received == "hello"; }));
  EXPECT_EQ(client.story->told.front(), "made");
  EXPECT_EQ(client.story->times("made"), 1U);
}

// Two connections are to be told that they are made, and the first puts a filter under the other.
TEST_P(FiltersUnderWay, OneMayBePutUnderAConnectionThatIsToldNext) {
  Client second;
  const Client first = adopt({.made = [&](Actor&) {
    Transport* const other = reactor().find(second.story->id);
    ASSERT_NE(other, nullptr);
    other->insert(std::make_unique<Scripted>(shifting_), shifted("rest ", 1));
  }});
  second = adopt();
  ASSERT_TRUE(until([&] { return made(first) && made(second); }));
  EXPECT_EQ(second.story->times("made"), 1U);
  second.peer->send(shifted("hello", 1));
  ASSERT_TRUE(until([&] { return second.story->received == "rest hello"; }));
}

TEST_P(FiltersUnderWay, OneIsToldOnceAlthoughAnotherIsInsertedAndAllIsAborted) {
  int lower = 0;
  int upper = 0;
  const auto count = [](int& times) {
    return Scripted::Script{.made = [&times](Scripted& self) {
      ++times;
      self.tell_made();
    }};
  };
  const Client client = join_under(scripted(count(lower)));
  ASSERT_TRUE(made(client));
  client.wire().insert(std::make_unique<Scripted>(count(upper)), {});
  client.wire().abort_connection();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(lower, 1);
  EXPECT_EQ(upper, 1);
  EXPECT_EQ(client.story->told, (std::vector<std::string>{"made", "lost"}));
}

// Whatever a filter carries comes with it.
TEST_P(FiltersUnderWay, SeveralMayBePutUnderALivingProtocolAtOnce) {
  for (const bool upon_another : {false, true}) {
    const Client client = upon_another ? join_under(plain()) : join();
    ASSERT_TRUE(made(client));
    client.wire().write("before ");
    client.wire().insert(layers(handshake(), scripted(shifting_))(Address()), {});
    client.wire().write("inside");
    settle();
    EXPECT_EQ(client.peer->received(), "before ");
    client.peer->send("shake!" + shifted("hel", 1));
    client.peer->send(shifted("lo", 1));
    ASSERT_TRUE(until([&] { return client.story->received == "hello"; }));
    ASSERT_TRUE(until([&] { return client.peer->received() == "before " + shifted("inside", 1); }));
    EXPECT_EQ(client.story->times("made"), 1U);
  }
  // The application lives already: it is told of its end, though the handshake never ends.
  const Client other = join();
  other.wire().insert(layers(handshake(), plain())(Address()), {});
  settle();
  other.peer->reset();
  ASSERT_TRUE(until([&] { return other.story->lost(); }));

  auto full = std::make_unique<Filter>();
  Story& nobody = new_story();
  full->carry(std::make_unique<Actor>(nobody, Script{}));
  const Client third = join();
  EXPECT_THROW(third.wire().insert(std::move(full), {}), std::logic_error);
  third.peer->send("still there");
  ASSERT_TRUE(until([&] { return third.story->received == "still there"; }));
}

// What would come in clear from then on must not be dropped in silence.
TEST_P(FiltersUnderWay, NoneIsPutWhereOurDirectionHasEnded) {
  const Client client = join({.ended = [](Actor&) { return true; }});
  client.wire().shutdown_write();
  EXPECT_THROW(client.wire().insert(std::make_unique<Filter>(), {}), std::logic_error);
  settle();
  EXPECT_THROW(client.wire().insert(std::make_unique<Filter>(), {}), std::logic_error);
  client.wire().lose_connection();
  client.wire().insert(std::make_unique<Filter>(), {});  // it has ended: dropped
}

// Either all of it is done or nothing.
TEST_P(FiltersUnderWay, OneThatCannotBePutLeavesTheConnectionAsItWas) {
  const Client client = join();
  const char bytes[] = "rest";
  const std::string_view endless(bytes, std::numeric_limits<std::ptrdiff_t>::max());
  // std::length_error or std::bad_alloc: standard libraries differ.
  EXPECT_THROW(client.wire().insert(std::make_unique<Scripted>(shifting_), endless), std::exception);
  client.wire().write("clear");
  client.peer->send("hello");
  ASSERT_TRUE(until([&] { return client.peer->received() == "clear" && client.story->received == "hello"; }));
  client.wire().insert(std::make_unique<Scripted>(shifting_), {});
  client.wire().write("text");
  ASSERT_TRUE(until([&] { return client.peer->received() == "clear" + shifted("text", 1); }));
}

// A protocol may ask its transport what waits, also as it goes with its reactor.
TEST_P(FiltersUnderWay, AProtocolMayAskAsItGoes) {
  static std::size_t waited;
  class Asking final : public Protocol {
   public:
    ~Asking() override { waited = transport().queued(); }
    void connection_made() override { transport().write("text"); }
    void data_received(std::span<char>) override {}
  };
  bool begun = false;
  const auto make = [&] {
    begun = true;
    return std::make_unique<Asking>();
  };
  const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0}, make, {.wrap = plain()});
  const auto peer = outside().connect(at.host());
  ASSERT_TRUE(until([&] { return begun; }));
  waited = 99;
  drop();
  EXPECT_LE(waited, 4U);  // a write may be in flight
}

}  // namespace
}  // namespace parley::conformance
