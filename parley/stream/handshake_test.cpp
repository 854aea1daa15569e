// Streams whose filter lets them begin late, as in a handshake.

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parley/reactor/filter.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

// Its handshake is over when the peer has said something.
class Greeting final : public Filter {
 public:
  void connection_made() override {}
  void data_received(std::span<char> lent) override {
    if (application_made()) return Filter::data_received(lent);
    tell_made();
  }
};

Wrap greeting() {
  return [](const Address&) { return std::make_unique<Greeting>(); };
}

class Handshakes : public testing_stream::StreamFixture {
 protected:
  // Connects, and begins a handshake.
  MemoryPeer begun(std::uint16_t port = 700) {
    MemoryPeer peer = network.connect(port);
    turns(4);
    return peer;
  }
};

Task<> say_hello(Stream peer) {
  const Alive alive;
  co_await peer.write("hello");
  co_await peer.read();
}

TEST_F(Handshakes, AListenerMayGoBeforeTheyEnd) {
  ListenSettings settings;
  settings.wrap = greeting();
  const auto listen_for_a_second = [&]() -> Task<> {
    const Alive alive;
    {
      const auto listener = std::make_unique<Listener>(Address("127.0.0.1", 700), settings);
      co_await sleep(1s);
    }
    co_await sleep(9s);
  };
  const Running<> listening = spawn(reactor, listen_for_a_second());
  turns(2);
  MemoryPeer peer = begun();
  clock.advance(1s);
  turns(2);
  peer.send("x");
  turns(4);
  EXPECT_TRUE(peer.ended());
  clock.advance(9s);
  turns(2);
}

TEST_F(Handshakes, AServerMayEndBeforeThey) {
  ServeSettings settings;
  settings.wrap = greeting();
  Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, say_hello, settings));
  turns(2);
  MemoryPeer peer = begun();
  server.cancel();
  turns(4);
  EXPECT_TRUE(server.done());
  peer.send("x");
  turns(4);
  EXPECT_EQ(peer.take(), "");
  EXPECT_TRUE(peer.ended());
}

TEST_F(Handshakes, ACancelledServerBeginsNoneOfThem) {
  StreamServer server(reactor, say_hello);
  ListenSettings settings;
  settings.wrap = greeting();
  reactor.listen_tcp({"127.0.0.1", 700}, server.factory(), settings);
  MemoryPeer early = begun();
  server.cancel();
  MemoryPeer late = begun();  // it may be used again
  early.send("x");
  late.send("x");
  turns(4);
  EXPECT_EQ(early.take(), "");
  EXPECT_TRUE(early.ended());
  EXPECT_EQ(late.take(), "hello");
  EXPECT_EQ(server.size(), 1U);
  late.close();
  turns(4);
}

TEST_F(Handshakes, AJoinedServerWaitsForThem) {
  StreamServer server(reactor, say_hello);
  ListenSettings settings;
  settings.wrap = greeting();
  ListeningPort port = reactor.listen_tcp({"127.0.0.1", 700}, server.factory(), settings);
  MemoryPeer peer = begun();
  port.stop_listening();
  const auto join = [&]() -> Task<> { co_await server.join(); };
  const Running<> joining = spawn(reactor, join());
  turns(4);
  EXPECT_EQ(server.size(), 0U);  // no handler runs yet
  EXPECT_FALSE(joining.done());
  peer.send("x");
  turns(4);
  EXPECT_EQ(peer.take(), "hello");
  EXPECT_EQ(server.size(), 1U);
  EXPECT_FALSE(joining.done());
  peer.close();
  turns(4);
  EXPECT_TRUE(joining.done());
}

// One whose handshake fails is waited for no longer, and whoever is cancelled waits for none.
TEST_F(Handshakes, AJoinedServerWaitsForNoneThatFails) {
  StreamServer server(reactor, say_hello);
  ListenSettings settings;
  settings.wrap = greeting();
  reactor.listen_tcp({"127.0.0.1", 700}, server.factory(), settings);
  const auto join = [&]() -> Task<> { co_await server.join(); };
  MemoryPeer fails = begun();
  const Running<> joining = spawn(reactor, join());
  turns(2);
  fails.reset();
  turns(4);
  EXPECT_TRUE(joining.done());

  MemoryPeer slow = begun();
  Running<> cancelled = spawn(reactor, join());
  turns(2);
  EXPECT_FALSE(cancelled.done());
  cancelled.cancel();
  turns(4);
  EXPECT_TRUE(cancelled.done());
  slow.send("x");
  turns(4);
  EXPECT_EQ(slow.take(), "");
  EXPECT_TRUE(slow.ended());
  EXPECT_EQ(server.size(), 0U);
}

// Peers that connect and say nothing.
TEST_F(Handshakes, CountAgainstTheServersLimit) {
  ServeSettings settings;
  settings.wrap = greeting();
  settings.max_connections = 2;
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, say_hello, settings));
  turns(2);
  std::vector<MemoryPeer> silent;
  silent.push_back(begun());
  silent.push_back(begun());
  EXPECT_TRUE(begun().ended());  // there is no room for a third
  silent.back().reset();
  turns(4);
  MemoryPeer third = begun();
  third.send("x");
  turns(4);
  EXPECT_EQ(third.take(), "hello");
  EXPECT_TRUE(begun().ended());
}

TEST_F(Handshakes, CountAgainstTheListenersLimit) {
  ListenSettings settings;
  settings.wrap = greeting();
  const auto listen = [&]() -> Task<> {
    const Alive alive;
    Listener listener({"127.0.0.1", 700}, settings);
    co_await sleep(1s);
    const Stream first = co_await listener.accept();
    co_await sleep(1s);
  };
  const Running<> listening = spawn(reactor, listen());
  turns(2);
  std::vector<MemoryPeer> peers;
  for (std::size_t i = 0; i < Listener::most_pending; ++i) peers.push_back(begun());
  EXPECT_TRUE(begun().ended());
  peers.front().send("x");  // whose stream has come counts once
  turns(4);
  EXPECT_TRUE(begun().ended());
  peers.back().reset();
  turns(4);
  peers.push_back(begun());
  EXPECT_FALSE(peers.back().ended());
  clock.advance(1s);
  turns(4);
  peers.push_back(begun());  // one was accepted
  EXPECT_FALSE(peers.back().ended());
  peers.clear();
  clock.advance(1s);
  turns(4);
}

TEST_F(Handshakes, HaveATime) {
  ServeSettings settings;
  settings.wrap = greeting();
  settings.handshake_timeout = 10s;
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, say_hello, settings));
  turns(2);
  MemoryPeer silent = begun();
  MemoryPeer polite = begun();
  polite.send("x");
  turns(4);
  EXPECT_EQ(polite.take(), "hello");
  clock.advance(9s);
  turns(4);
  EXPECT_FALSE(silent.was_reset());
  clock.advance(1s);
  turns(4);
  EXPECT_TRUE(silent.was_reset());
  EXPECT_FALSE(polite.ended() || polite.was_reset());  // whose handshake is over has no time any more
}

// A port whose filter notes how its connection has ended.
class TimedHandshakes : public Handshakes {
 protected:
  class Noting final : public Filter {
   public:
    explicit Noting(std::optional<Reason>& lost) : lost_(lost) {}
    using Filter::transport;
    void connection_made() override {}
    void data_received(std::span<char>) override { transport().lose_connection(); }
    void flush(Output&) override {}
    void connection_lost(Reason reason) override { lost_ = reason; }

   private:
    std::optional<Reason>& lost_;
  };

  void listen(Duration timeout) {
    ListenSettings settings;
    settings.wrap = [this](const Address&) { return std::make_unique<Noting>(lost); };
    settings.handshake_timeout = timeout;
    reactor.listen_tcp({"127.0.0.1", 700}, factory([] { return stream_protocol([](Stream) {}); }), settings);
  }

  std::optional<Reason> lost;
};

TEST_F(TimedHandshakes, OneThatIsLateFailsWithThatReason) {
  listen(ListenSettings().handshake_timeout);
  const MemoryPeer peer = begun();
  clock.advance(9s);
  turns(4);
  EXPECT_FALSE(lost.has_value());
  clock.advance(1s);
  turns(4);
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->kind(), Reason::Kind::failed);
  EXPECT_EQ(lost->error(), std::errc::timed_out);
  EXPECT_EQ(reactor.connections(), 0U);
}

TEST_F(TimedHandshakes, ZeroIsNoLimit) {
  listen(0s);
  MemoryPeer peer = begun();
  clock.advance(24h);
  turns(4);
  EXPECT_FALSE(lost.has_value());
  EXPECT_EQ(reactor.connections(), 1U);
  peer.reset();
  turns(4);
}

}  // namespace
}  // namespace parley
