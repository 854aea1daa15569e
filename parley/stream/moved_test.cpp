// A stream that is moved in each of its states goes on in it; and one that waits until all has left.
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "parley/reactor/string_transport.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class MovedStreamTest : public testing_stream::StreamFixture {
 protected:
  MovedStreamTest() {
    protocol = stream_protocol([this](Stream made) { first = std::move(made); });
    transport.connect(*protocol);
  }
  ~MovedStreamTest() override { transport.lose(Reason(Reason::Kind::aborted)); }

  // Into another object, by each kind of move.
  void move() {
    Stream between(std::move(first));
    second = std::move(between);
    at = &second;
  }
  template <class Body>
  Running<> begin(const Body& body) {
    Running<> running = spawn(reactor, body());
    turns(1);
    return running;
  }
  template <class Body>
  std::string error_of(const Body& body) {
    Running<> running = begin(body);
    turns(2);
    EXPECT_TRUE(running.done());
    try {
      running.get();
    } catch (const SocketError& error) {
      return error.what();
    }
    return "nothing";
  }

  StringTransport transport;
  std::unique_ptr<Protocol> protocol;
  Stream first, second;
  Stream* at = &first;  // where it is
};

TEST_F(MovedStreamTest, PausedItGoesOnReading) {
  transport.receive(std::string(Stream::read_ahead, 'a'));
  ASSERT_FALSE(transport.reading());
  move();
  std::string next;
  const auto body = [&]() -> Task<> {
    const auto all = co_await at->read();
    EXPECT_EQ(all->size(), Stream::read_ahead);
    const auto more = co_await at->read();
    next = *more;
  };
  const Running<> running = begin(body);
  transport.turn();
  EXPECT_TRUE(transport.reading());
  transport.receive("b");
  EXPECT_EQ(next, "b");
}

TEST_F(MovedStreamTest, PressedItsWritersWaitStill) {
  protocol->pause_writing();
  move();
  bool written = false;
  const auto body = [&]() -> Task<> {
    co_await at->write("x");
    written = true;
  };
  const Running<> running = begin(body);
  turns(3);
  EXPECT_FALSE(written);
  protocol->resume_writing();
  turns(1);
  EXPECT_TRUE(written);
}

TEST_F(MovedStreamTest, EndedItIsAtItsEnd) {
  transport.receive("last");
  transport.receive_end();
  move();
  std::string seen;
  const auto body = [&]() -> Task<> {
    while (const auto data = co_await at->read()) seen += *data;
    seen += "|end";
  };
  const Running<> running = begin(body);
  EXPECT_TRUE(running.done());
  EXPECT_EQ(seen, "last|end");
}

TEST_F(MovedStreamTest, BrokenItSaysHow) {
  transport.lose(Reason(Reason::Kind::failed, std::make_error_code(std::errc::connection_reset)));
  move();
  EXPECT_EQ(at->peer(), Address("192.0.2.1", 54321));
  const auto reads = [&]() -> Task<> { co_await at->read(); };
  EXPECT_EQ(error_of(reads), "read 192.0.2.1:54321: Connection reset by peer");
}

TEST_F(MovedStreamTest, ClosedItSaysThatItWasHere) {
  at->close();
  move();
  const auto writes = [&]() -> Task<> { co_await at->write("x"); };
  EXPECT_EQ(error_of(writes), "write 192.0.2.1:54321: Broken pipe (the stream was closed here)");
}

TEST_F(MovedStreamTest, ClosedReturnsWhenAllHasLeftAlsoWhereItWasMovedMeanwhile) {
  bool closed = false;
  const auto body = [&]() -> Task<> {
    co_await at->write("goodbye");
    at->close();
    move();
    co_await at->closed();
    closed = true;
  };
  Running<> running = begin(body);
  EXPECT_TRUE(transport.closing());
  EXPECT_EQ(transport.written(), "goodbye");
  turns(2);
  protocol->pause_writing();
  protocol->resume_writing();  // that is not it
  turns(2);
  EXPECT_FALSE(closed);
  transport.lose(Reason(Reason::Kind::closed));
  turns(2);
  EXPECT_TRUE(closed);
  const auto again = [&]() -> Task<> { co_await at->closed(); };
  EXPECT_EQ(error_of(again), "nothing");
}

TEST_F(MovedStreamTest, ClosedThrowsWhereSomethingWasLost) {
  const auto body = [&]() -> Task<> { co_await at->closed(); };
  Running<> running = begin(body);
  const Running<> another = begin(body);
  transport.lose(Reason(Reason::Kind::failed, std::make_error_code(std::errc::connection_reset)));
  turns(2);
  ASSERT_TRUE(running.done());
  EXPECT_TRUE(another.done());
  try {
    running.get();
    ADD_FAILURE();
  } catch (const SocketError& error) {
    EXPECT_STREQ(error.what(), "closed 192.0.2.1:54321: Connection reset by peer");
  }
  const auto reads = [&]() -> Task<> {
    const auto data = co_await at->read();
    EXPECT_FALSE(data) << "it was closed here: the end";
  };
  EXPECT_EQ(error_of(reads), "nothing");
}

TEST_F(MovedStreamTest, ClosedMayBeCancelledAndItIsCutOffThen) {
  const auto body = [&]() -> Task<> {
    const bool in_time = co_await within(1s, at->closed());
    EXPECT_FALSE(in_time);
    at->abort();
    co_await at->closed();
  };
  Running<> running = begin(body);
  EXPECT_TRUE(transport.closing());
  EXPECT_FALSE(transport.aborted());
  clock.advance(1s);
  turns(3);
  EXPECT_TRUE(transport.aborted());
  transport.lose(Reason(Reason::Kind::aborted));
  turns(2);
  ASSERT_TRUE(running.done());
  EXPECT_THROW(running.get(), SocketError);
}

// Over the loop: a slow peer takes all, and the stream waits for that.
TEST_F(MovedStreamTest, OverTheLoopItWaitsForASlowPeer) {
  bool closed = false;
  const auto serve = [&](Stream peer) -> Task<> {
    peer.transport()->write(std::string(600'000, 'x'));
    co_await peer.closed();
    closed = true;
  };
  const auto handler = [&serve](Stream peer) -> Task<> { co_await serve(std::move(peer)); };
  Running<> serving = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handler));
  turns(2);
  MemoryPeer peer = network.connect(700);
  peer.window(100);
  turns(5);
  EXPECT_FALSE(closed);
  peer.read_everything();
  for (int i = 0; i < 50 && !closed; ++i) reactor.turn(10ms);
  EXPECT_TRUE(closed);
  turns(50);
  EXPECT_EQ(peer.received().size(), 600'000U);
  serving.cancel();
  turns(3);
}

class ListenerTest : public testing_stream::StreamFixture {};

// Whoever accepts is told, and nobody is woken twice.
TEST_F(ListenerTest, ClosedOrGoneWhileSomebodyAccepts) {
  for (const char how : {'c', 'd', 'x', 'b'}) {
    std::unique_ptr<Listener> listener;
    int told = 0;
    const auto accepts = [&]() -> Task<> {
      listener = std::make_unique<Listener>(Address("127.0.0.1", 700));
      const auto broken = co_await as_result(listener->accept());
      EXPECT_FALSE(broken);
      EXPECT_EQ(broken.error().code(), std::errc::bad_file_descriptor);
      ++told;
    };
    Running<> running = spawn(reactor, accepts());
    turns(2);
    if (how != 'd') listener->close();
    if (how == 'd' || how == 'b') listener.reset();
    if (how == 'x') running.cancel();
    turns(2);
    ASSERT_TRUE(running.done()) << how;
    EXPECT_EQ(told, how == 'x' ? 0 : 1);
    turns(2);
  }
}

TEST_F(ListenerTest, WhatCameBeforeItClosedIsAcceptedStill) {
  std::unique_ptr<Listener> listener;
  std::string seen;
  const auto body = [&]() -> Task<> {
    listener = std::make_unique<Listener>(Address("127.0.0.1", 700));
    MemoryPeer first = network.connect(700);
    first.send("a\n");
    co_await sleep(1ms);
    listener->close();
    Stream one = co_await listener->accept();
    const auto line = co_await one.read_line();
    seen = *line;
    const auto none = co_await as_result(listener->accept());
    EXPECT_FALSE(none);
  };
  run(reactor, body());
  EXPECT_EQ(seen, "a");
}

// It is cancelled by its deadline, and in the same turn, when another accepts already, as a whole.
TEST_F(ListenerTest, ASecondCancelTouchesNobodyElse) {
  std::optional<Listener> listener;
  bool accepted = false;
  const auto first = [&]() -> Task<> {
    listener.emplace(Address("127.0.0.1", 700));
    const auto none = co_await within(10ms, listener->accept());
    EXPECT_FALSE(none);
  };
  const auto second = [&]() -> Task<> {
    co_await sleep(10ms);
    const Stream one = co_await listener->accept();
    accepted = static_cast<bool>(one);
    listener.reset();
  };
  Running<> cancelled = spawn(reactor, first());
  Running<> waits = spawn(reactor, second());
  turns(2);
  reactor.call_later(10ms, [&] { cancelled.cancel(); });
  clock.advance(10ms);
  turns(3);
  EXPECT_THROW(cancelled.get(), Cancelled);
  EXPECT_FALSE(accepted);
  const MemoryPeer peer = network.connect(700);
  turns(3);
  EXPECT_TRUE(accepted);
  EXPECT_TRUE(waits.done());
  waits.cancel();
  waits = Running<>();
  listener.reset();
}

class FullDatagramTest : public testing_stream::StreamFixture {};

TEST_F(FullDatagramTest, ASocketThatWasFullReceivesOnAndLosesNothing) {
  const auto body = [&]() -> Task<> {
    DatagramSocket server(Address("127.0.0.1", 700));
    DatagramSocket client(Address("127.0.0.1", 701));
    std::size_t sent = 0;
    std::size_t got = 0;
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < DatagramSocket::most_pending + 5; ++i) {
        client.sendto(std::to_string(sent++), server.host());
      }
      co_await sleep(1ms);
      EXPECT_FALSE(server.transport()->reading()) << "the rest waits in the kernel";
      for (std::size_t i = 0; i < DatagramSocket::most_pending + 5; ++i) {
        const auto [data, from] = co_await server.recvfrom();
        EXPECT_EQ(data, std::to_string(got++));
      }
      const bool more = (co_await within(1ms, server.recvfrom())).has_value();
      EXPECT_FALSE(more);
      EXPECT_TRUE(server.transport()->reading());
    }
  };
  run(reactor, body());
}

}  // namespace
}  // namespace parley
