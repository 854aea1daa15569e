// Connecting under a filter that lets the protocol begin only when it is ready: what a handshake may do to a
// connector.

#include "parley/reactor/filter.h"
#include "tests/conformance/connecting.h"

namespace parley::conformance {
namespace {

class Handshakes : public Connecting {
 protected:
  // Lets its application begin when "yes" has come, and ends the connection when anything else has.
  class Asking final : public Filter {
   public:
    void connection_made() override {}
    void data_received(std::span<char> lent) override {
      if (application_made()) return Filter::data_received(lent);
      const std::string_view text(lent.data(), lent.size());
      for (const char c : text) answer_ += c;
      if (answer_ == "yes") return tell_made();
      if (!std::string_view("yes").starts_with(answer_))
        fail(std::make_error_code(std::errc::protocol_error));
    }

   private:
    std::string answer_;
  };

  Connector ask(const Address& to, Duration timeout = 30s) {
    return connect(to,
                   {.timeout = timeout, .wrap = [](const Address&) { return std::make_unique<Asking>(); }});
  }
};
PARLEY_CONFORMANCE(Handshakes);

TEST_P(Handshakes, TheConnectionIsMadeWhenTheProtocolMayBegin) {
  const auto server = listener();
  const Connector connector = ask(server->at());
  const auto [peer, from] = accepted(*server);
  settle();
  EXPECT_EQ(connector.state(), Connector::State::connecting);
  peer->send("y");
  settle();
  EXPECT_FALSE(story_.made());
  peer->send("es");
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(connector.state(), Connector::State::connected);
  pass(40s);  // the time for connecting is over, and concerns nobody
  peer->send("text");
  ASSERT_TRUE(until([&] { return story_.received == "text"; }));
  peer->close();
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told, (Told{"start", "connecting", concat("build ", server->at()), "lost", "stop"}));
}

TEST_P(Handshakes, OneThatFailsIsAFailureToConnect) {
  const auto server = listener();
  const Connector connector = ask(server->at());
  const auto [peer, from] = accepted(*server);
  peer->send("no");
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told, (Told{"start", "connecting", concat("build ", server->at()), "failed", "stop"}));
  EXPECT_EQ(factory_->reason, std::make_error_code(std::errc::protocol_error));
  EXPECT_TRUE(story_.told.empty());
  EXPECT_EQ(connector.state(), Connector::State::disconnected);
}

TEST_P(Handshakes, SoIsAPeerThatGoesMeanwhile) {
  const auto server = listener();
  ask(server->at());
  const auto [peer, from] = accepted(*server);
  peer->close();
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told.at(3), "failed");
  EXPECT_TRUE(story_.told.empty());
}

TEST_P(Handshakes, TheTimeForConnectingCountsThemIn) {
  const auto server = listener();
  ask(server->at(), 10s);
  const auto [peer, from] = accepted(*server);
  settle();
  pass(9s);
  EXPECT_EQ(factory_->told.size(), 3U);
  pass(1s);
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told.at(3), "failed");
  EXPECT_TRUE(factory_->was_timeout);
  ASSERT_TRUE(until([&] { return peer->was_reset() || peer->ended(); }));
  EXPECT_TRUE(story_.told.empty());
}

TEST_P(Handshakes, TheyEndWithAConnectorThatStops) {
  const auto server = listener();
  Connector connector = ask(server->at());
  const auto [peer, from] = accepted(*server);
  settle();
  connector.stop_connecting();
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told.at(3), "failed");
  EXPECT_EQ(factory_->reason, std::make_error_code(std::errc::operation_canceled));
  ASSERT_TRUE(until([&] { return peer->was_reset() || peer->ended(); }));
}

TEST_P(Handshakes, TheFactoryMayTryAgainAfterOne) {
  const auto server = listener();
  int tries = 0;
  factory_->on_failed = [&](Connector& connector) {
    if (++tries < 3) connector.connect();
  };
  ask(server->at());
  for (int i = 0; i < 3; ++i) accepted(*server).peer->send("no");
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(std::ranges::count(factory_->told, "failed"), 3);
  EXPECT_TRUE(story_.told.empty());
}

// What was agreed on stands above the handshake before anybody begins.
TEST_P(Handshakes, OneThatPutsAnotherFilterAboveItMakesTheConnection) {
  class Agreeing final : public Filter {
   public:
    void connection_made() override {
      transport().insert(std::make_unique<Filter>(), {});
      tell_made();
    }
  };
  const auto server = listener();
  const Connector connector =
      connect(server->at(), {.wrap = [](const Address&) { return std::make_unique<Agreeing>(); }});
  const auto [peer, from] = accepted(*server);
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(connector.state(), Connector::State::connected);
  pass(40s);  // the time for connecting is over, and concerns nobody
  peer->send("text");
  ASSERT_TRUE(until([&] { return story_.received == "text"; }));
}

}  // namespace
}  // namespace parley::conformance
