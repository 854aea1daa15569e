// Connecting out: who is told what, and how it ends.

#include "tests/conformance/connecting.h"

namespace parley::conformance {
namespace {

class Connect : public Connecting {};
PARLEY_CONFORMANCE(Connect);
PARLEY_CONFORMANCE_UNDER_FILTERS(Connect);

TEST_P(Connect, IsAConnectionLikeAnyOther) {
  const auto server = listener();
  script_.received = [](Actor& actor, std::string_view text) { actor.wire().write(text); };
  const Connector connector = connect(server->at());
  EXPECT_EQ(factory_->told, (Told{"start"})) << "told from inside the call";
  EXPECT_EQ(connector.state(), Connector::State::connecting);
  EXPECT_EQ(connector.destination(), Endpoint(server->at()));
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(connector.state(), Connector::State::connected);
  EXPECT_EQ(reactor().find(connector.connection())->peer(), server->at());
  const auto [peer, from] = accepted(*server);
  EXPECT_EQ(reactor().find(connector.connection())->host(), from);
  peer->send("hello");
  ASSERT_TRUE(until([&] { return peer->received() == "hello"; }));
  peer->close();
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told, (Told{"start", "connecting", concat("build ", server->at()), "lost", "stop"}));
  EXPECT_EQ(factory_->lost->kind(), Reason::Kind::done);
  EXPECT_TRUE(story_.destroyed);
  EXPECT_EQ(connector.state(), Connector::State::disconnected);
}

TEST_P(Connect, APlainCallableIsToldByTheSettings) {
  std::string failure;
  const int port = free_port();
  reactor().connect_tcp({"127.0.0.1", port}, [this] { return std::make_unique<Actor>(story_, script_); },
                        {.failed = [&](const SocketError& error) { failure = error.what(); }});
  ASSERT_TRUE(until([&] { return !failure.empty(); }));
  EXPECT_EQ(failure, concat("connect 127.0.0.1:", port, ": Connection refused"));
  logged_.clear();
  reactor().connect_tcp({"127.0.0.1", port}, [this] { return std::make_unique<Actor>(story_, script_); });
  ASSERT_TRUE(until([&] { return !logged_.empty(); }));
  EXPECT_EQ(logged_.front(), failure);
}

TEST_P(Connect, WhatCannotBeIsThrownAtOnce) {
  EXPECT_THROW(connect({"127.0.0.1", 70000}), AddressError);
  EXPECT_THROW(connect({"127.0.0.1", 80}, {.family = Family::inet6}), AddressError);
  EXPECT_THROW(connect({"localhost", 80}, {.family = Family::local}), AddressError);  // nobody could be asked
  EXPECT_THROW(connect({"::ffff:127.0.0.1", 80}, {.family = Family::inet6}), AddressError);
  EXPECT_THROW(reactor().connect_tcp({"127.0.0.1", 80}, std::shared_ptr<Factory>()), std::invalid_argument);
  EXPECT_EQ(factory_->told, Told{});
}

TEST_P(Connect, AnotherSpellingOfAnAddressIsNoName) {
  const auto server = listener();
  connect({"0x7f.1", server->at().port()});
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(accepted(*server).from.host(), "127.0.0.1");
}

TEST_P(Connect, ASourceAddressIsOurEnd) {
  const auto server = listener();
  connect(server->at(), {.source = Address("127.0.0.2", 0)});
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(accepted(*server).from.host(), "127.0.0.2");
}

TEST_P(Connect, NobodyIsConnectedToHimself) {
  for (int i = 0; i < 5 && factory_->reason != std::errc::connection_refused; ++i) {  // its port may be taken
    const Address own = listener()->at();
    connect(own, {.source = own});
    ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  }
  EXPECT_EQ(factory_->reason, std::errc::connection_refused);
}

// What a connector is told meanwhile.

TEST_P(Connect, StoppedInEachState) {
  const auto stopped = Told{"start", "connecting", "failed", "stop"};
  const auto server = deaf("127.0.0.1");
  Connector connector = connect(server->at());
  connector.stop_connecting();  // before it has begun
  connector.stop_connecting();
  EXPECT_EQ(connector.state(), Connector::State::disconnected);
  EXPECT_EQ(factory_->told, (Told{"start"})) << "told from inside the call";
  settle();
  EXPECT_EQ(factory_->told, (Told{"start", "failed", "stop"}));
  EXPECT_EQ(factory_->reason, std::errc::operation_canceled);

  factory_->told.clear();
  factory_->on_started = [](Connector& started) { started.stop_connecting(); };
  connect(server->at());
  settle();
  EXPECT_EQ(factory_->told, stopped);

  factory_->told.clear();
  factory_->on_started = {};
  connector = connect(server->at());
  settle();
  connector.stop_connecting();
  settle();
  EXPECT_EQ(factory_->told, stopped);

  factory_->told.clear();
  script_names();
  connector = connect({"host.example", 80});
  settle();
  connector.disconnect();
  EXPECT_TRUE(asked_.empty());
  settle();
  EXPECT_EQ(factory_->told, stopped);

  factory_->told.clear();
  const auto open = listener();
  connector = connect(open->at());
  factory_->make = [&]() -> std::unique_ptr<Protocol> {
    connector.stop_connecting();
    return std::make_unique<Actor>(new_story(), Script{});
  };
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told[3], "failed");
  EXPECT_EQ(reactor().connections(), 0U);
}

TEST_P(Connect, StoppedAndTriedAgainWhileItWaits) {
  const int port = free_port();
  factory_->on_failed = [](Connector& connector) { connector.connect(1s); };
  Connector connector = connect({"127.0.0.1", port});
  ASSERT_TRUE(until([&] { return connector.state() == Connector::State::waiting; }));
  pass(999ms);
  EXPECT_EQ(factory_->told, (Told{"start", "connecting", "failed"}));
  pass(1ms);
  ASSERT_TRUE(until([&] { return factory_->told.size() == 5; }));
  EXPECT_EQ(factory_->told, (Told{"start", "connecting", "failed", "connecting", "failed"}));
  connector.stop_connecting();
  EXPECT_EQ(factory_->told.back(), "failed") << "told from inside the call";
  connector.connect();  // its time was in the hook
  settle();
  EXPECT_EQ(factory_->told.back(), "stop");
  factory_->on_failed = {};
  pass(10s);
  EXPECT_EQ(factory_->told.size(), 6U);
  connector.connect();  // it is over
  settle();
  EXPECT_EQ(factory_->told.size(), 6U);
}

TEST_P(Connect, DisconnectedAndConnectedAgain) {
  const auto server = listener();
  factory_->make = [this] { return std::make_unique<Actor>(new_story(), Script{}); };
  int times = 0;
  factory_->on_lost = [&](Connector& connector) {
    if (++times == 1) connector.connect();
  };
  Connector connector = connect(server->at());
  ASSERT_TRUE(until([&] { return connector.state() == Connector::State::connected; }));
  connector.connect();  // nothing while it is
  const TransportId first = connector.connection();
  settle();
  connector.disconnect();
  EXPECT_EQ(times, 0) << "told from inside the call";
  ASSERT_TRUE(until([&] { return times == 1 && connector.state() == Connector::State::connected; }));
  EXPECT_NE(connector.connection(), first);
  settle();
  reactor().find(connector.connection())->abort_connection();
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->lost->kind(), Reason::Kind::aborted);
  EXPECT_EQ(std::ranges::count(factory_->told, "start"), 1);
}

TEST_P(Connect, AFactoryThatRefusesOrThrows) {
  const auto server = listener();
  factory_->make = nullptr;
  connect(server->at());
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->reason, std::errc::connection_aborted);
  factory_->make = []() -> std::unique_ptr<Protocol> { throw std::runtime_error("not today"); };
  factory_->on_failed = [](Connector&) { throw std::runtime_error("nor tomorrow"); };
  factory_->told.clear();
  connect(server->at());
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  EXPECT_EQ(factory_->told[3], "failed");
  EXPECT_EQ(logged_, (Told{"a handler failed: not today", "a handler failed: nor tomorrow"}));
}

TEST_P(Connect, ConnectionLostComesBeforeTheFactoryIsToldAndEverythingMayBeDoneThere) {
  const auto server = listener();
  script_.made = [](Actor& actor) { actor.wire().abort_connection(); };
  factory_->on_lost = [&](Connector&) {
    EXPECT_TRUE(story_.lost());
    EXPECT_TRUE(story_.destroyed);
    reactor().connect_tcp(server->at(), [this] { return std::make_unique<Actor>(new_story(), Script{}); });
  };
  connect(server->at());
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop" && reactor().connections() == 1; }));
}

// Two reactors in one world, one of which connects to the other.
TEST_P(Connect, ToAnotherReactor) {
  const std::string text = text_of(20000);
  Inspector::Counts counts;
  Reactor other(Inspector::around(outside(), counts), {.clock = &outside().clock(), .log = &log()});
  Story& serving = new_story();
  const ListeningPort at = other.listen_tcp({"127.0.0.1", 0}, [&] {
    return std::make_unique<Actor>(
        serving, Script{.received = [](Actor& actor, std::string_view got) { actor.wire().write(got); }});
  });
  script_.made = [&](Actor& actor) {
    actor.wire().write(text);
    actor.wire().shutdown_write();
  };
  const Connector connector = connect(at.host());
  const auto both_until = [&](const std::function<bool()>& so) {
    return until([&] {
      EXPECT_TRUE(other.turn(0s));
      counts_.upcalls += std::exchange(counts.upcalls, 0);
      return so();
    });
  };
  ASSERT_TRUE(both_until([&] { return story_.made() && serving.made(); }));
  EXPECT_EQ(reactor().find(connector.connection())->peer(), at.host());
  EXPECT_EQ(other.find(serving.id)->peer(), reactor().find(connector.connection())->host());
  ASSERT_TRUE(both_until([&] { return serving.lost() && factory_->told.back() == "stop"; }));
  EXPECT_SAME(serving.received, text);
  EXPECT_SAME(story_.received, text);
  EXPECT_EQ(serving.reason->kind(), Reason::Kind::done);
  EXPECT_EQ(factory_->lost->kind(), Reason::Kind::done);
  ASSERT_TRUE(both_until([&] { return counts.open == 0; }));
}

// While the reactor stops.

TEST_P(Connect, WhatIsHalfMadeIsGivenUpWhenTheReactorStops) {
  const auto server = deaf("127.0.0.1");
  const auto waits = std::make_shared<NotingFactory>();
  waits->on_failed = [](Connector& connector) { connector.connect(1h); };
  reactor().connect_tcp({"127.0.0.1", free_port()}, waits);
  ASSERT_TRUE(until([&] { return waits->told.back() == "failed"; }));
  const auto again = std::make_shared<NotingFactory>();
  again->on_failed = [](Connector& connector) { connector.connect(); };
  reactor().connect_tcp(server->at(), again);
  connect(server->at());
  settle();
  const auto late = std::make_shared<NotingFactory>();
  factory_->on_failed = [&](Connector&) { reactor().connect_tcp(server->at(), late); };
  reactor().stop(1h);
  bool running = true;
  for (int i = 0; i < 100 && running; ++i) running = reactor().turn(0s);
  EXPECT_FALSE(running) << "it waits for connections that are not made";
  EXPECT_EQ(factory_->told, (Told{"start", "connecting", "failed", "stop"}));
  EXPECT_EQ(factory_->reason, std::errc::operation_canceled);
  EXPECT_EQ(again->told, (Told{"start", "connecting", "failed", "stop"}));
  EXPECT_EQ(waits->told, (Told{"start", "connecting", "failed", "stop"}));
  EXPECT_EQ(late->told, (Told{"start", "failed", "stop"}));

  const auto open = listener();  // and once more, in a second life
  factory_->told.clear();
  connect(open->at());
  ASSERT_TRUE(until([&] { return story_.made(); }));
}

TEST_P(Connect, AReactorThatGoesCallsNobody) {
  const auto server = deaf("127.0.0.1");
  script_names();
  connect(server->at());
  connect({"host.example", 80});
  settle();
  const Told before = factory_->told;
  drop();
  EXPECT_EQ(factory_->told, before);
}

}  // namespace
}  // namespace parley::conformance
