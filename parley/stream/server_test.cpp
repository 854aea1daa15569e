#include "parley/stream/server.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "parley/reactor/group.h"
#include "parley/socket/socket.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

Task<> echo(Stream peer) {
  const Alive alive;
  while (const auto data = co_await with_timeout(30s, peer.read())) co_await peer.write(*data);
}

class ServerTest : public testing_stream::StreamFixture {
 protected:
  template <class Handler>
  Running<> serve(Handler handler, ServeSettings settings = {}) {
    Running<> running =
        spawn(reactor, serve_tcp({"127.0.0.1", 700}, std::move(handler), std::move(settings)));
    turns(2);
    return running;
  }
};

TEST_F(ServerTest, EchoesUntilThePeerEnds) {
  const Running<> server = serve(echo);
  MemoryPeer peer = network.connect(700);
  peer.send("hello");
  turns(4);
  EXPECT_EQ(peer.received(), "hello");
  EXPECT_EQ(Alive::count, 1);
  peer.close();
  turns(4);
  EXPECT_EQ(Alive::count, 0);
  EXPECT_TRUE(peer.ended());
}

// Each line tells the room 100 kB: three are more than a quarter of Limits::sendq_bytes.
TEST_F(ServerTest, WhoTellsOthersEachLineHasAShareOfATurn) {
  Group room(reactor);
  const std::string text(100'000, 'x');
  std::size_t lines = 0;
  const Running<> server = serve([&](Stream peer) -> Task<> {
    const TransportId self = peer.transport()->id();
    room.add(self);
    while (co_await peer.read_line()) {
      ++lines;
      room.broadcast(omit(self), text);
    }
  });
  MemoryPeer reader = network.connect(700);
  MemoryPeer speaker = network.connect(700);
  turns(4);
  speaker.send("1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  std::size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t before = lines;
    turns(1);
    most = std::max(most, lines - before);
  }
  EXPECT_EQ(lines, 9U);
  EXPECT_EQ(most, 3U);
  EXPECT_EQ(reader.received().size(), 9 * text.size());
}

TEST_F(ServerTest, FiltersAreForThePort) {
  ServeSettings settings;
  settings.wrap = [](const Address&) { return std::unique_ptr<Filter>(); };
  EXPECT_THROW(StreamServer(reactor, echo, settings), std::invalid_argument);
}

TEST_F(ServerTest, ATimeoutEndsThatPeerAlone) {
  const Running<> server = serve(echo);
  MemoryPeer quiet = network.connect(700);
  MemoryPeer talks = network.connect(700);
  turns(4);
  for (int i = 0; i < 4; ++i) {
    clock.advance(10s);
    talks.send("x");
    turns(4);
  }
  EXPECT_TRUE(quiet.ended());
  EXPECT_FALSE(talks.ended());
  EXPECT_EQ(talks.received(), "xxxx");
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_THAT(log.lines[0], testing::HasSubstr("timed out after 30 s"));
}

TEST_F(ServerTest, AHandlerThatThrowsEndsItsOwnConnection) {
  std::vector<std::string> told;
  ServeSettings settings;
  settings.handle_error = [&](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
      told.emplace_back(thrown.what());
    }
    throw std::runtime_error("the hook fails too");
  };
  const auto handler = [](Stream peer) -> Task<> {
    const Alive alive;
    const std::optional<std::string_view> word = co_await peer.read_line();
    co_await peer.write("sorry");
    throw std::runtime_error(std::string(*word));
  };
  const Running<> server = serve(handler, settings);
  MemoryPeer one = network.connect(700);
  MemoryPeer two = network.connect(700);
  one.send("oops\n");
  turns(5);
  EXPECT_EQ(told, std::vector<std::string>{"oops"});
  EXPECT_EQ(one.received(), "sorry") << "what it wrote before arrives";
  EXPECT_TRUE(one.ended());
  EXPECT_EQ(Alive::count, 1);
  two.send("again\n");
  turns(5);
  EXPECT_EQ(told.size(), 2U);
  EXPECT_EQ(log.lines.size(), 2U);
}

TEST_F(ServerTest, WhatThrowsBeforeItIsACoroutineEndsItsOwnToo) {
  const auto handler = [](Stream) -> Task<> { throw std::runtime_error("no coroutine"); };
  const Running<> server = serve(handler);
  const MemoryPeer peer = network.connect(700);
  turns(5);
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(log.lines.size(), 1U);
}

TEST_F(ServerTest, CapturesOfTheHandlerLiveAsLongAsItsCoroutines) {
  auto held = std::make_shared<std::string>("held");
  const std::weak_ptr<std::string> watch = held;
  {
    Running<> server = serve([held = std::move(held)](Stream peer) -> Task<> {
      while (co_await peer.read_line() != std::nullopt) co_await peer.write(*held);
    });
    MemoryPeer peer = network.connect(700);
    peer.send("x\n");
    turns(4);
    EXPECT_EQ(peer.received(), "held");
    server.cancel();
    turns(4);
    EXPECT_TRUE(server.done());
    EXPECT_TRUE(peer.ended());
  }
  EXPECT_TRUE(watch.expired());
}

TEST_F(ServerTest, CancelledItClosesThePortEndsTheHandlersAndThenItself) {
  int cleaned = 0;
  const auto handler = [&cleaned](Stream peer) -> Task<> {
    try {
      (void)co_await peer.read();
    } catch (const Cancelled&) {
      ++cleaned;
      throw;
    }
  };
  Running<> server = serve(handler);
  const MemoryPeer one = network.connect(700);
  const MemoryPeer two = network.connect(700);
  turns(4);
  server.cancel();
  turns(4);
  EXPECT_EQ(cleaned, 2);
  EXPECT_TRUE(server.done());
  EXPECT_TRUE(network.connect(700).was_reset()) << "nobody listens any more";
  EXPECT_THROW(server.get(), Cancelled);
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(ServerTest, OverTheLimitConnectionsAreClosed) {
  ServeSettings settings;
  settings.max_connections = 1;
  const Running<> server = serve(echo, settings);
  MemoryPeer first = network.connect(700);
  turns(3);
  MemoryPeer second = network.connect(700);
  turns(3);
  EXPECT_TRUE(second.ended() || second.was_reset());
  first.send("x");
  turns(3);
  EXPECT_EQ(first.received(), "x");
  first.close();
  turns(3);
  MemoryPeer third = network.connect(700);
  third.send("y");
  turns(3);
  EXPECT_EQ(third.received(), "y");
}

TEST_F(ServerTest, AWriterWaitsForAPeerThatDoesNotRead) {
  std::size_t written = 0;
  const auto handler = [&written](Stream peer) -> Task<> {
    const std::string block(16 * 1024, 'x');
    for (;;) {
      co_await peer.write(block);
      written += block.size();
    }
  };
  const Running<> server = serve(handler);
  MemoryPeer peer = network.connect(700);
  peer.window(0);
  turns(200);
  const std::size_t stopped_at = written;
  EXPECT_LE(stopped_at, 256 * 1024 + 3 * Stream::high_water);
  turns(50);
  EXPECT_EQ(written, stopped_at);
  peer.window(512 * 1024);
  turns(100);
  EXPECT_GE(written, stopped_at + 256 * 1024);
  EXPECT_EQ(reactor.connections(), 1U) << "it was cut off for being behind";
}

TEST_F(ServerTest, AServerOnAReactorOfOnesOwn) {
  StreamServer server(reactor, echo);
  auto port = reactor.listen_tcp({"127.0.0.1", 701}, server.factory());
  MemoryPeer peer = network.connect(701);
  peer.send("bridge");
  turns(4);
  EXPECT_EQ(peer.received(), "bridge");
  EXPECT_EQ(server.size(), 1U);
  port.stop_listening();
}

TEST_F(ServerTest, AListenerLosesNoConnectionWhenAcceptIsCancelled) {
  const auto body = [this]() -> Task<> {
    Listener listener({"127.0.0.1", 702});
    const auto nobody = co_await within(1s, listener.accept());
    EXPECT_FALSE(nobody);
    MemoryPeer far = network.connect(702);
    far.send("hi");
    co_await sleep(1s);
    Stream near = co_await listener.accept();
    const auto data = co_await near.read();
    EXPECT_EQ(*data, "hi");
    listener.close();
    const auto closed = co_await as_result(listener.accept());
    EXPECT_FALSE(closed);
  };
  run(reactor, body());
}

TEST_F(ServerTest, AListenerForgetsATaskThatIsDropped) {
  const auto body = [this]() -> Task<> {
    Listener listener({"127.0.0.1", 702});
    const auto accepts = [&listener]() -> Task<> { (void)co_await listener.accept(); };
    {
      const Running<> dropped = spawn(accepts());
      co_await sleep(1s);
    }
    MemoryPeer far = network.connect(702);
    const Stream near = co_await listener.accept();
    EXPECT_TRUE(near);
  };
  run(reactor, body());
}

// Over each real back end.

class Kinds : public testing::TestWithParam<Reactor::Kind> {};

TEST_P(Kinds, ConnectsAndTalks) {
  Reactor reactor(GetParam());
  const auto body = []() -> Task<std::string> {
    Listener listener({"127.0.0.1", 0});
    const auto serve = [&listener]() -> Task<> {
      Stream near = co_await listener.accept();
      while (const auto data = co_await near.read()) co_await near.write(*data);
    };
    TaskGroup group;
    group.spawn(serve());
    Stream far = co_await connect({"127.0.0.1", listener.host().port()});
    EXPECT_EQ(far.peer(), listener.host());
    const std::string block(300'000, 'x');
    const auto send = [&]() -> Task<> {
      co_await far.write(block);
      far.shutdown_write();
    };
    group.spawn(send());
    std::string back;
    while (const auto data = co_await with_timeout(20s, far.read())) back += *data;
    EXPECT_EQ(back.size(), block.size());
    co_await group.join();
    co_return back.substr(0, 3);
  };
  EXPECT_EQ(run(reactor, body()), "xxx");
}

TEST_P(Kinds, ConnectingFailsWithItsReason) {
  Reactor reactor(GetParam());
  const auto body = []() -> Task<> {
    int port = 0;
    {
      const Listener listener({"127.0.0.1", 0});
      port = listener.host().port();
    }
    const auto refused = co_await as_result(connect({"127.0.0.1", port}));
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), std::errc::connection_refused) << refused.error().what();
  };
  run(reactor, body());
}

// A port whose queue is full does not answer.
TEST_P(Kinds, GivesUpConnectingWhenItIsCancelled) {
  const auto descriptors = [] {
    using Folder = std::filesystem::directory_iterator;
    return std::distance(Folder("/proc/self/fd"), Folder());
  };
  Socket full(Family::inet, Type::stream);
  full.bind({"127.0.0.1", 0});
  full.listen(0);
  std::vector<Socket> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(Family::inet, Type::stream);
    waiting.back().setblocking(false);
    (void)waiting.back().connect_ex({"127.0.0.1", full.getsockname().port()});
  }
  Reactor reactor(GetParam());
  const auto body = [&]() -> Task<> {
    const auto before = descriptors();
    const auto nobody = co_await within(20ms, connect({"127.0.0.1", full.getsockname().port()}));
    EXPECT_FALSE(nobody);
    co_await sleep(0s);
    co_await sleep(0s);
    EXPECT_EQ(descriptors(), before);
  };
  run(reactor, body());
}

TEST_P(Kinds, DatagramsGoThereAndBack) {
  Reactor reactor(GetParam());
  const auto body = []() -> Task<> {
    DatagramSocket server({"127.0.0.1", 0});
    const auto client = DatagramSocket::connected(server.host());
    client->send("one");
    client->send("");
    const auto [one, peer] = co_await with_timeout(20s, server.recvfrom());
    EXPECT_EQ(one, "one");
    EXPECT_EQ(peer, client->host());
    const auto [empty, same] = co_await with_timeout(20s, server.recvfrom());
    EXPECT_EQ(empty, "");
    server.sendto("back", same);
    const auto [back, from] = co_await with_timeout(20s, client->recvfrom());
    EXPECT_EQ(back, "back");
    EXPECT_EQ(from, server.host());
  };
  run(reactor, body());
}

TEST_P(Kinds, WhoWaitsIsToldThatTheReactorStops) {
  Reactor reactor(GetParam());
  std::vector<std::string> told;
  const auto receive = [&told]() -> Task<> {
    DatagramSocket socket({"127.0.0.1", 0});
    const auto received = co_await as_result(socket.recvfrom());
    told.emplace_back(received ? "a datagram" : "no datagram");
  };
  const auto accept = [&told]() -> Task<> {
    Listener listener({"127.0.0.1", 0});
    const auto accepted = co_await as_result(listener.accept());
    told.emplace_back(accepted ? "a connection" : "no connection");
  };
  const auto receiving = spawn(reactor, receive());
  const auto accepting = spawn(reactor, accept());
  for (int i = 0; i < 3; ++i) reactor.turn(0s);
  EXPECT_TRUE(told.empty());
  reactor.stop();
  reactor.run();
  EXPECT_EQ(told, (std::vector<std::string>{"no connection", "no datagram"}));
}

INSTANTIATE_TEST_SUITE_P(Over, Kinds, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select),
                         [](const auto& kind) {
                           return kind.param == Reactor::epoll  ? "epoll"
                                  : kind.param == Reactor::poll ? "poll"
                                                                : "select";
                         });

TEST(RunServerTest, ASignalCancelsAndIsNoError) {
  int cleaned = 0;
  const auto body = [&cleaned]() -> Task<> {
    (void)std::raise(SIGTERM);
    try {
      co_await sleep(1h);
    } catch (const Cancelled&) {
      ++cleaned;
      throw;
    }
  };
  run(body());
  EXPECT_EQ(cleaned, 1);
}

TEST(RunServerTest, UnixSocketsAreServedToo) {
  const std::string path = testing::TempDir() + "parley_stream_test_" + std::to_string(::getpid()) + ".sock";
  std::remove(path.c_str());
  const auto body = [&path]() -> Task<std::string> {
    TaskGroup group;
    group.spawn(serve_unix(Address::local(path), echo));
    co_await sleep(0s);
    Stream far = co_await connect_unix(Address::local(path));
    co_await far.write("local\n");
    const auto line = co_await with_timeout(20s, far.read_line());
    group.cancel();
    co_await group.join();
    co_return std::string(*line);
  };
  EXPECT_EQ(run(body()), "local");
}

TEST(RunServerTest, AStoppedReactorDropsTheTask) {
  const auto body = []() -> Task<> {
    const Alive alive;
    current_reactor().stop(0s);
    co_await sleep(1h);
  };
  EXPECT_THROW(run(body()), Cancelled);
  EXPECT_EQ(Alive::count, 0);
}

}  // namespace
}  // namespace parley
