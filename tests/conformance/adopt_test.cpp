// Connections that no listener has accepted, and factories that several ports share.

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/reactor/loop/loop.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Adopting : public Conformance {};
PARLEY_CONFORMANCE(Adopting);
PARLEY_CONFORMANCE_UNDER_FILTERS(Adopting);

TEST_P(Adopting, IsAConnectionLikeAnyOther) {
  const Client client = adopt({.received = [](Actor& actor, std::string_view text) {
    actor.wire().write(text);
    if (text.ends_with('.')) actor.wire().lose_connection();
  }});
  EXPECT_FALSE(client.story->made()) << "told from inside the call";
  client.peer->send("over and out.");
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_TRUE(until([&] { return client.peer->received() == "over and out."; }));
  EXPECT_EQ(client.story->told.front(), "made");
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(Adopting, WhatIsWrittenAtOnceLeaves) {
  const Client client = adopt();
  reactor().find(client.story->id)->write("first");
  ASSERT_TRUE(until([&] { return client.peer->received() == "first"; }));
  EXPECT_TRUE(client.story->made());
}

TEST_P(Adopting, LocalPeersAreNumberedAsThoseThatAListenerHas) {
  std::vector<std::string> names;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 2; ++i) {
    auto [descriptor, peer] = outside().connected();
    const TransportId id = reactor().loop().connections().adopt(
        Handle{descriptor}, Address::local_peer(0).compact(), std::make_unique<Actor>(new_story(), Script{}));
    names.push_back(concat(reactor().find(id)->peer()));
    peers.push_back(std::move(peer));
  }
  settle();
  EXPECT_EQ(names, (std::vector<std::string>{"[local:1]", "[local:2]"}));
}

TEST_P(Adopting, AbortedBeforeItWasMade) {
  const Client client = adopt();
  reactor().find(client.story->id)->abort_connection();
  settle();
  EXPECT_EQ(client.story->told, (std::vector<std::string>{"made", "lost"}));
}

TEST_P(Adopting, InsideACallbackAndWhileStopping) {
  Client second{};
  const Client first = join({.lost = [&](Actor&, const Reason&) { second = adopt(); }});
  first.peer->close();
  reactor().stop(1h);
  bool running = true;
  for (int i = 0; i < 20000 && running; ++i) {
    running = reactor().turn(0s);
    outside().move();
    if (second.peer != nullptr && second.peer->ended()) second.peer->close();
  }
  EXPECT_FALSE(running);
  ASSERT_NE(second.story, nullptr);
  EXPECT_EQ(second.story->reason->kind(), Reason::Kind::closed);
}

TEST_P(Adopting, APortThatListensAlready) {
  const auto [descriptor, at] = outside().listening();
  Story& story = new_story();
  const auto one = [&] { return std::make_unique<Actor>(story, Script{}); };
  const EntryId id = reactor().loop().listeners().adopt(Handle{descriptor}, factory(one), {});
  EXPECT_EQ(reactor().loop().listeners().host(id), at);
  const auto peer = outside().connect(at);
  peer->send("hello");
  ASSERT_TRUE(until([&] { return story.received == "hello"; }));
  reactor().loop().listeners().stop(id);
  settle();
  EXPECT_TRUE(outside().connect(at)->was_reset());
}

class CountingFactory final : public Factory {
 public:
  std::unique_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
  void start_factory() override {
    if (fails) throw std::runtime_error("not today");
    ++starts;
  }
  void stop_factory() override { ++stops; }

  int starts = 0;
  int stops = 0;
  bool fails = false;
};

TEST_P(Adopting, AFactoryStartsAndStopsOnceOverSeveralPorts) {
  const auto shared = std::make_shared<CountingFactory>();
  ListeningPort one = reactor().listen_tcp({"127.0.0.1", 0}, shared);
  ListeningPort two = reactor().listen_tcp({"127.0.0.1", 0}, shared);
  EXPECT_EQ(shared->starts, 1);
  one.stop_listening();
  settle();
  EXPECT_EQ(shared->stops, 0);
  two.stop_listening();
  EXPECT_EQ(shared->stops, 0) << "told from inside the call";
  settle();
  EXPECT_EQ(shared->stops, 1);
  reactor().listen_tcp({"127.0.0.1", 0}, shared);
  EXPECT_EQ(shared->starts, 2);
  reactor().stop(0s);
  while (reactor().turn(0s)) outside().move();
  EXPECT_EQ(shared->stops, 2);
}

TEST_P(Adopting, AFactoryThatCannotStartDoesNotListen) {
  const auto factory = std::make_shared<CountingFactory>();
  factory->fails = true;
  const Address at{"127.0.0.1", port() == 65000 ? 65001 : 65000};
  EXPECT_THROW(reactor().listen_tcp(at, factory), std::runtime_error);
  settle();
  EXPECT_EQ(factory->stops, 0);
  EXPECT_TRUE(outside().connect(at)->was_reset());
}

}  // namespace
}  // namespace parley::conformance
