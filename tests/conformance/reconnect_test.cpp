// Trying again and again, with waits that grow; by hand.

#include "tests/conformance/connecting.h"

namespace parley::conformance {
namespace {

class Reconnecting : public Connecting {};
PARLEY_CONFORMANCE(Reconnecting);

TEST_P(Reconnecting, ReconnectingWaitsLongerEachTimeUntilItIsReset) {
  const int port = free_port();
  Told seen;
  const auto again = std::make_shared<ReconnectingClientFactory>(
      [&] {
        seen.emplace_back("made");
        return std::make_unique<Actor>(new_story(), Script{});
      },
      BackoffSettings{.initial = 1s, .most = 3s, .factor = 2, .jitter = 0});
  Connector connector = reactor().connect_tcp({"127.0.0.1", port}, again);
  const auto waits = [&] { return connector.state() == Connector::State::waiting; };
  ASSERT_TRUE(until(waits));
  for (const Duration wait : {1s, 2s, 3s, 3s}) {
    const unsigned before = again->retries();
    pass(wait - 1ms);
    EXPECT_EQ(again->retries(), before) << "it came too early";
    pass(1ms);
    ASSERT_TRUE(until([&] { return again->retries() == before + 1; }));
    ASSERT_TRUE(waits());
  }
  auto server = outside().server({"127.0.0.1", port});
  pass(3s);
  ASSERT_TRUE(until([&] { return connector.state() == Connector::State::connected; }));
  again->reset_delay();
  settle();
  server.reset();  // and with it what it has not accepted
  ASSERT_TRUE(until(waits));
  EXPECT_EQ(again->retries(), 1U);
  pass(1s);
  ASSERT_TRUE(until([&] { return again->retries() == 2; })) << "the first wait again";
  again->stop_trying();
  settle();
  EXPECT_EQ(connector.state(), Connector::State::disconnected);
  EXPECT_EQ(seen.size(), 1U);
  pass(1h);
  EXPECT_EQ(again->retries(), 2U);
}

TEST_P(Reconnecting, ReconnectingEndsAfterTheLastRetryOrWhenToldTo) {
  const auto twice = std::make_shared<ReconnectingClientFactory>(
      [&] { return std::make_unique<Actor>(new_story(), Script{}); },
      BackoffSettings{.initial = 1s, .jitter = 0, .max_retries = 2});
  Connector connector = reactor().connect_tcp({"127.0.0.1", free_port()}, twice);
  for (int i = 0; i < 6; ++i) pass(10s);
  EXPECT_EQ(connector.state(), Connector::State::disconnected);
  EXPECT_EQ(twice->retries(), 2U);

  const auto server = listener();
  const auto until_told = std::make_shared<ReconnectingClientFactory>(
      [&] { return std::make_unique<Actor>(new_story(), Script{}); });
  connector = reactor().connect_tcp(server->at(), until_told);
  ASSERT_TRUE(until([&] { return connector.state() == Connector::State::connected; }));
  settle();
  until_told->stop_trying();
  EXPECT_EQ(connector.state(), Connector::State::connected) << "what is there stays";
  connector.disconnect();
  accepted(*server).peer->close();
  ASSERT_TRUE(until([&] { return connector.state() == Connector::State::disconnected; }));
}

}  // namespace
}  // namespace parley::conformance
