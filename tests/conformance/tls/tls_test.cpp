// TLS over each back end: what filters promise holds for this one.

#include "tests/conformance/tls/tls.h"

#include <gmock/gmock.h>

#include "parley/reactor/group.h"
#include "parley/tls/filter.h"

namespace parley::conformance {
namespace {

using testing::HasSubstr;

class TlsConnections : public Tls {};
PARLEY_CONFORMANCE(TlsConnections);

TEST_P(TlsConnections, AllThatIsSaidArrives) {
  const Secret secret = made();
  const std::string there = text_of(300000, "there ");
  const std::string back = text_of(300000, "back ");
  secret.peer->send(there);
  for (std::size_t at = 0; at < back.size(); at += 7000) {
    secret.wire().write(std::string_view(back).substr(at, 7000));
  }
  ASSERT_TRUE(until([&] {
    return secret.story->received.size() >= there.size() && secret.peer->received.size() >= back.size();
  }));
  EXPECT_SAME(secret.story->received, there);
  EXPECT_SAME(secret.peer->received, back);
}

TEST_P(TlsConnections, WhoReadsSlowlyGetsAllOfIt) {
  const Secret secret = made({}, true);
  secret.peer->wire().window(0);
  const std::string text = text_of(400000);
  secret.wire().write(text);
  settle();
  EXPECT_GT(secret.wire().queued(), 0U);
  secret.peer->wire().window(Peer::everything);
  ASSERT_TRUE(until([&] { return secret.peer->received.size() >= text.size(); }));
  EXPECT_SAME(secret.peer->received, text);
}

TEST_P(TlsConnections, NothingIsDeliveredWhilePaused) {
  std::size_t pauses = 0;
  const Script script{.received = [&](Actor& self, std::string_view) {
    if (pauses++ < 10) self.wire().pause_reading();
  }};
  const Secret secret = made(script);
  const std::string text = text_of(100000);
  secret.peer->send(text);
  for (std::size_t i = 0; i < 10; ++i) {
    if (!until([&] { return pauses > i; })) break;
    settle();
    EXPECT_EQ(pauses, i + 1);  // an actor fails if it is told anything
    secret.wire().resume_reading();
  }
  ASSERT_TRUE(until([&] { return secret.story->received.size() >= text.size(); }));
  EXPECT_SAME(secret.story->received, text);
}

TEST_P(TlsConnections, LastWordsArriveAndTheEndIsInOrder) {
  const Script script{.made = [](Actor& self) {
    self.wire().write("last words");
    self.wire().lose_connection();
  }};
  const Secret secret = arrive(script);
  ASSERT_TRUE(until([&] { return secret.peer->ended; }));
  EXPECT_EQ(secret.peer->received, "last words");
  ASSERT_TRUE(until([&] { return secret.story->lost(); }));
  EXPECT_EQ(secret.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(TlsConnections, ThePeersEndIsTold) {
  for (const bool stays : {false, true}) {
    const Secret secret = made({.ended = [&](Actor&) { return stays; }});
    secret.peer->send("question");
    secret.peer->end();
    ASSERT_TRUE(until([&] { return secret.story->times("ended") == 1; }));
    EXPECT_EQ(secret.story->received, "question");
    if (stays) {
      settle();
      EXPECT_FALSE(secret.story->lost());
      secret.wire().write("answer");
      secret.wire().lose_connection();
    }
    ASSERT_TRUE(until([&] { return secret.peer->ended; }));
    EXPECT_EQ(secret.peer->received, stays ? "answer" : "");
    secret.peer->wire().close();
    ASSERT_TRUE(until([&] { return secret.story->lost(); }));
    EXPECT_NE(secret.story->reason->kind(), Reason::Kind::failed);
  }
}

TEST_P(TlsConnections, AnEndWithoutCloseNotifyIsAnError) {
  const Secret secret = made();
  secret.peer->send("half");
  ASSERT_TRUE(until([&] { return secret.story->received == "half"; }));
  secret.peer->wire().close();
  ASSERT_TRUE(until([&] { return secret.story->lost(); }));
  EXPECT_EQ(secret.story->times("ended"), 0U);
  EXPECT_EQ(secret.story->reason->error(), tls::Failure::truncated);
}

TEST_P(TlsConnections, AResetIsAReset) {
  const Secret secret = made();
  secret.peer->wire().reset();
  ASSERT_TRUE(until([&] { return secret.story->lost(); }));
  EXPECT_TRUE(secret.story->reason->error() == std::errc::connection_reset);
}

// Somebody in between has changed a byte: the peer is told, and what was said before counts.
TEST_P(TlsConnections, ABrokenRecordEndsTheConnectionWithAnAlert) {
  const Secret secret = made();
  secret.peer->send("good");
  secret.peer->wire().send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  ASSERT_TRUE(until([&] { return secret.story->lost(); }));
  EXPECT_EQ(secret.story->received, "good");
  EXPECT_EQ(secret.story->reason->kind(), Reason::Kind::failed);
  ASSERT_TRUE(until([&] { return !!secret.peer->engine().error(); }));
  EXPECT_TRUE(tls::is_alert(secret.peer->engine().error())) << secret.peer->engine().error().message();
}

// Its producer is told to stop: what it would say is not wanted any more.
TEST_P(TlsConnections, AProducerDoesNotHoldAFailure) {
  class Endless final : public Producer {
   public:
    explicit Endless(Transport& wire) : wire_(wire) {}
    void resume_producing() override { wire_.write("more "); }
    void stop_producing() override { stopped = true; }
    bool stopped = false;

   private:
    Transport& wire_;
  };
  const Secret secret = made();
  Endless endless(secret.wire());
  secret.wire().register_producer(endless, Production::pulled);
  ASSERT_TRUE(until([&] { return !secret.peer->received.empty(); }));
  secret.peer->wire().send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  ASSERT_TRUE(until([&] { return secret.story->lost(); }));
  EXPECT_TRUE(endless.stopped);
  EXPECT_EQ(secret.story->reason->kind(), Reason::Kind::failed);
}

TEST_P(TlsConnections, AHandshakeHasATime) {
  const Secret secret = arrive({}, false, 10s);
  peers_.clear();  // it says nothing
  settle();
  pass(9s);
  EXPECT_FALSE(secret.peer->wire().ended() || secret.peer->wire().was_reset());
  pass(2s);
  ASSERT_TRUE(
      Connecting::until([&] { return secret.peer->wire().ended() || secret.peer->wire().was_reset(); }));
  EXPECT_FALSE(secret.story->made());
}

TEST_P(TlsConnections, WhoSpeaksInClearIsToldSoAndForgotten) {
  std::string why;
  server_context.set_handshake_failed([&](const tls::Error& error) { why = error.what(); });
  const Secret secret = arrive();
  peers_.clear();
  secret.peer->wire().send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(Connecting::until([&] { return secret.peer->wire().ended(); }));
  EXPECT_THAT(secret.peer->wire().received(), HasSubstr("This port speaks TLS"));
  EXPECT_THAT(why, HasSubstr("the peer does not speak TLS (it said \"GET / HTTP/1.1\")"));
  EXPECT_FALSE(secret.story->made());
}

// STARTTLS. What had come behind the line is dropped: it was in clear.
TEST_P(TlsConnections, ItBeginsInTheMiddle) {
  const Script script{.received = [&](Actor& self, std::string_view) {
    if (!self.story().received.starts_with("STARTTLS\n") || self.wire().lowest_filter() != nullptr) return;
    self.wire().write("go ahead\n");
    self.wire().insert(std::make_unique<tls::Filter>(server_context), {});
    self.wire().write("secret");
  }};
  Client plain = join(script);
  plain.peer->send("STARTTLS\n");
  ASSERT_TRUE(until([&] { return plain.peer->received() == "go ahead\n"; }));

  class Behind final : public Peer {  // what comes from now on
   public:
    explicit Behind(std::unique_ptr<Peer> inner)
        : inner_(std::move(inner)), from_(inner_->received().size()) {}
    void send(std::string_view bytes) override { inner_->send(bytes); }
    void close() override { inner_->close(); }
    void reset() override { inner_->reset(); }
    void window(std::size_t bytes) override { inner_->window(bytes); }
    const std::string& received() override { return received_ = inner_->received().substr(from_); }
    bool ended() override { return inner_->ended(); }
    bool was_reset() override { return inner_->was_reset(); }

   private:
    std::unique_ptr<Peer> inner_;
    std::size_t from_;
    std::string received_;
  };
  const auto peer = speak(std::make_unique<Behind>(std::move(plain.peer)), client_context, "localhost");
  ASSERT_TRUE(until([&] { return peer->received == "secret"; }));
  peer->send("known to both");
  ASSERT_TRUE(until([&] { return plain.story->received == "STARTTLS\nknown to both"; }));
}

TEST_P(TlsConnections, AGroupTellsThemAll) {
  std::vector<Secret> all;
  for (int i = 0; i < 3; ++i) all.push_back(made());
  Group room(reactor());
  for (const Secret& one : all) room.add(one.wire());
  std::string text;
  for (int i = 0; i < 200; ++i) {
    const std::string line = text_of(100, std::to_string(i));
    text += line;
    room.broadcast(line);
  }
  for (const Secret& one : all) {
    ASSERT_TRUE(until([&] { return one.peer->received.size() >= text.size(); }));
    EXPECT_SAME(one.peer->received, text);
  }
}

// The other end of it: ours reaches for a server.
class TlsConnecting : public Tls {
 protected:
  std::shared_ptr<TlsPeer> answer(Server& server) { return speak(accepted(server).peer, server_context, {}); }
};
PARLEY_CONFORMANCE(TlsConnecting);

TEST_P(TlsConnecting, TheProtocolBeginsWhenTheHandshakeIsDone) {
  script_.made = [](Actor& self) { self.wire().write("hello"); };
  const auto server = listener();
  const Connector connector = connect(server->at(), {.wrap = client_context.wrap("localhost")});
  const auto peer = answer(*server);
  ASSERT_TRUE(until([&] { return peer->received == "hello"; }));
  EXPECT_EQ(connector.state(), Connector::State::connected);
  peer->send("welcome");
  ASSERT_TRUE(until([&] { return story_.received == "welcome"; }));
}

TEST_P(TlsConnecting, AnotherNameIsAFailureToConnect) {
  const auto server = listener();
  connect(server->at(), {.wrap = client_context.wrap("example.org")});
  const auto peer = answer(*server);
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told.at(3), "failed");
  EXPECT_TRUE(tls::is_certificate_error(factory_->reason));
  EXPECT_THAT(factory_->failure, HasSubstr(concat("connect ", server->at(),
                                                  ": certificate refused: hostname mismatch (it is for "
                                                  "localhost, not for example.org)")));
  ASSERT_TRUE(until([&] { return !!peer->engine().error(); }));
  EXPECT_TRUE(tls::is_alert(peer->engine().error())) << peer->engine().error().message();
}

TEST_P(TlsConnecting, APlainServerIsAFailureToConnect) {
  const auto server = listener();
  connect(server->at(), {.wrap = client_context.wrap("localhost")});
  const auto peer = accepted(*server).peer;
  peer->send("220 mail.example.org\r\n");
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->reason, tls::Failure::not_tls);
  EXPECT_THAT(factory_->failure, HasSubstr("the peer does not speak TLS (it said \"2"));
}

TEST_P(TlsConnecting, AServerThatEndsInTheMiddleIsAFailureToConnect) {
  const auto server = listener();
  connect(server->at(), {.wrap = client_context.wrap("localhost")});
  const auto peer = accepted(*server).peer;
  peer->close();
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->reason, tls::Failure::closed_in_handshake);
}

}  // namespace
}  // namespace parley::conformance
