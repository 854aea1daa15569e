#include "parley/stream/stream.h"

#include <gtest/gtest.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/reactor/loop/loop.h"
#include "parley/reactor/string_transport.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

// A stream on a transport that the test plays the peer of.
class StreamTest : public testing_stream::StreamFixture {
 protected:
  StreamTest() {
    protocol = stream_protocol([this](Stream made) { stream = std::move(made); });
    transport.connect(*protocol);
  }
  ~StreamTest() override {
    if (stream) transport.lose(Reason(Reason::Kind::aborted));
  }

  template <class Body>
  Running<> begin(const Body& body) {
    Running<> running = spawn(reactor, body());
    turns(1);
    return running;
  }

  StringTransport transport;
  std::unique_ptr<Protocol> protocol;
  Stream stream;
};

TEST_F(StreamTest, ReadsWhatHasComeAndThenTheEnd) {
  std::string seen;
  const auto body = [&]() -> Task<> {
    while (const auto data = co_await stream.read()) seen += std::string(*data) + '|';
    seen += "end";
    const auto again = co_await stream.read();
    EXPECT_FALSE(again);
  };
  const Running<> running = begin(body);
  transport.receive("one");
  EXPECT_EQ(seen, "one|");
  transport.receive("two");
  transport.receive_end();
  EXPECT_EQ(seen, "one|two|end");
  EXPECT_TRUE(running.done());
  EXPECT_FALSE(transport.closing()) << "our direction is still open";
}

TEST_F(StreamTest, WhatIsLentStaysUntilTheNextReadWhateverComes) {
  const auto body = [&]() -> Task<> {
    const auto first = co_await stream.read();
    co_await sleep(1s);
    EXPECT_EQ(*first, std::string(3000, 'a'));
    const auto second = co_await stream.read();
    EXPECT_EQ(*second, std::string(3000, 'b') + std::string(3000, 'c') + std::string(20000, 'd'));
  };
  Running<> running = begin(body);
  transport.receive(std::string(3000, 'a'));
  transport.receive(std::string(3000, 'b'));
  transport.receive(std::string(3000, 'c'));
  transport.receive(std::string(20000, 'd'));
  clock.advance(1s);
  turns(3);
  EXPECT_TRUE(running.done());
}

TEST_F(StreamTest, MemoryThatIsLentIsNobodyElses) {
  detail::ReadBuffer buffer;
  const std::string first(3000, 'a');
  buffer.append(first);
  const std::string_view lent = buffer.lend(first.size());
  buffer.append(std::string(3000, 'b'));  // which has no room behind it
  detail::ReadBuffer other;
  other.append(std::string(4000, 'x'));  // where the block would be, were it free
  EXPECT_EQ(lent, first);
  EXPECT_EQ(buffer.held(), std::string(3000, 'b'));
  buffer.settle();
  EXPECT_EQ(buffer.held(), std::string(3000, 'b'));
}

TEST_F(StreamTest, CutsFramesHoweverTheyCome) {
  const std::string text = "GET /\r\n\r\n12345line\nlast\r\n\nrest";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    std::vector<std::string> seen;
    StringTransport wire;
    Stream peer;
    const auto made = stream_protocol([&](Stream it) { peer = std::move(it); });
    wire.connect(*made);
    const auto body = [&]() -> Task<> {
      const std::string_view head = co_await peer.read_until("\r\n\r\n");
      seen.emplace_back(head);
      const std::string_view five = co_await peer.read_exactly(5);
      seen.emplace_back(five);
      while (const auto line = co_await peer.read_line()) seen.emplace_back(*line);
    };
    const Running<> running = begin(body);
    for (std::size_t at = 0; at < text.size(); at += piece) wire.receive(text.substr(at, piece));
    wire.receive_end();
    EXPECT_EQ(seen, (std::vector<std::string>{"GET /\r\n\r\n", "12345", "line", "last", "", "rest"}))
        << piece;
    EXPECT_TRUE(running.done());
    wire.lose(Reason(Reason::Kind::done));
  }
}

TEST_F(StreamTest, AnEndTooEarlyTellsWhatCame) {
  const auto body = [&]() -> Task<> {
    try {
      co_await stream.read_exactly(10);
      ADD_FAILURE();
    } catch (const IncompleteRead& error) {
      EXPECT_EQ(error.partial(), "abc");
      EXPECT_STREQ(error.what(), "read_exactly 192.0.2.1:54321: the input ended after 3 bytes, before 10");
      EXPECT_EQ(error.code(), StreamErrc::incomplete_read);
    }
    try {
      co_await stream.read_until(";");
      ADD_FAILURE();
    } catch (const IncompleteRead& error) {
      EXPECT_EQ(error.partial(), "");
    }
    const auto nothing = co_await stream.read_exactly(0);
    EXPECT_EQ(nothing, "");
    const auto line = co_await stream.read_line();
    EXPECT_FALSE(line);
  };
  Running<> running = begin(body);
  transport.receive("abc");
  transport.receive_end();
  ASSERT_TRUE(running.done());
  running.get();
}

TEST_F(StreamTest, LimitsAreKeptAndWhatIsTooLongCanBeReadStill) {
  const auto body = [&]() -> Task<> {
    const auto longest = co_await stream.read_line(4);
    EXPECT_EQ(longest, "1234");
    const auto with_return = co_await stream.read_line(4);
    EXPECT_EQ(with_return, "abcd");
    const auto too_long = co_await as_result(stream.read_line(4));
    EXPECT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code(), StreamErrc::limit_exceeded);
    EXPECT_STREQ(
        too_long.error().what(),
        "read_line 192.0.2.1:54321: longer than the limit of 4 bytes (the last argument allows more)");
    const auto until = co_await as_result(stream.read_until("\n", 5));
    EXPECT_FALSE(until);
    const auto exact = co_await stream.read_until("\n", 6);
    EXPECT_EQ(exact, "12345\n");
    const auto many = co_await as_result(stream.read_exactly(11, 10));
    EXPECT_FALSE(many);
    const auto rest = co_await stream.read_exactly(10, 10);
    EXPECT_EQ(rest, "0123456789");
    const auto endless = co_await as_result(stream.read_line(4));
    EXPECT_FALSE(endless);
  };
  Running<> running = begin(body);
  transport.receive("1234\nabcd\r\n12345\n0123456789xxxxxx");
  ASSERT_TRUE(running.done()) << "without waiting for an end that would be too far away";
  running.get();
}

TEST_F(StreamTest, NoLimitIsALimitTooAndMemoryHasOneOfItsOwn) {
  const auto body = [&]() -> Task<> {
    const auto line = co_await stream.read_line(std::string::npos);
    EXPECT_EQ(line, "hello");
    const std::string_view rest = co_await stream.read_until(";", std::string::npos);
    EXPECT_EQ(rest, "there;");
  };
  const Running<> running = begin(body);
  transport.receive("hello\nthere;");
  turns(2);
  EXPECT_TRUE(running.done());
  detail::ReadBuffer buffer;
  buffer.append(std::string(10, 'a'));
  const std::span<const char> huge(buffer.held().data(), (std::size_t{1} << 31U) - 9);  // is never looked at
  EXPECT_THROW(buffer.append(huge), std::length_error);
  EXPECT_EQ(buffer.held(), "aaaaaaaaaa");
}

TEST_F(StreamTest, KeepsSoMuchWhileNobodyReadsAndThenPauses) {
  transport.receive(std::string(Stream::read_ahead - 1, 'a'));
  EXPECT_TRUE(transport.reading());
  transport.receive("b");
  EXPECT_FALSE(transport.reading());
  const auto body = [&]() -> Task<> {
    const auto all = co_await stream.read();
    EXPECT_EQ(all->size(), Stream::read_ahead);
    const auto next = co_await stream.read();
    EXPECT_EQ(*next, "c");
  };
  const Running<> running = begin(body);
  transport.turn();
  EXPECT_TRUE(transport.reading());
  transport.receive("c");
  EXPECT_TRUE(running.done());
}

TEST_F(StreamTest, AWriteWaitsForRoom) {
  int written = 0;
  const auto body = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      co_await stream.write("x");
      ++written;
    }
  };
  protocol->pause_writing();
  const Running<> running = begin(body);
  EXPECT_EQ(transport.written(), "x");
  turns(3);
  EXPECT_EQ(written, 0);
  protocol->resume_writing();
  turns(2);
  EXPECT_EQ(written, 3);
  EXPECT_TRUE(running.done());
}

TEST_F(StreamTest, ABrokenConnectionIsToldOnceWhatHadComeIsRead) {
  const auto body = [&]() -> Task<> {
    co_await sleep(1s);
    const auto data = co_await stream.read();
    EXPECT_EQ(*data, "last");
    const auto broken = co_await as_result(stream.read());
    EXPECT_EQ(broken.error().code(), std::errc::connection_reset);
    EXPECT_STREQ(broken.error().what(), "read 192.0.2.1:54321: Connection reset by peer");
    const auto write = co_await as_result(stream.write("x"));
    EXPECT_EQ(write.error().code(), std::errc::connection_reset);
    EXPECT_FALSE(stream);
    EXPECT_EQ(stream.peer(), Address("192.0.2.1", 54321));
  };
  Running<> running = begin(body);
  transport.receive("last");
  transport.lose(Reason(Reason::Kind::failed, std::make_error_code(std::errc::connection_reset)));
  clock.advance(1s);
  turns(3);
  ASSERT_TRUE(running.done());
  running.get();
}

TEST_F(StreamTest, WaitersAreToldOfTheLoss) {
  std::string told;
  const auto reads = [&]() -> Task<> {
    const auto broken = co_await as_result(stream.read());
    told += broken ? "?" : "reader;";
  };
  const auto writes = [&]() -> Task<> {
    const auto broken = co_await as_result(stream.write("x"));
    told += broken ? "?" : "writer;";
  };
  protocol->pause_writing();
  const Running<> reader = begin(reads);
  const Running<> writer = begin(writes);
  const Running<> another = begin(writes);
  transport.lose(Reason(Reason::Kind::failed, std::make_error_code(std::errc::timed_out)));
  turns(2);
  EXPECT_EQ(told, "reader;writer;writer;");
}

TEST_F(StreamTest, ClosedHereTheReaderFindsTheEndAndWritersAnError) {
  std::string told;
  const auto reads = [&]() -> Task<> {
    const auto data = co_await stream.read();
    told += data ? "data" : "end";
  };
  const Running<> reader = begin(reads);
  stream.close();
  EXPECT_TRUE(transport.closing());
  turns(2);
  EXPECT_EQ(told, "end");
  const auto writes = [&]() -> Task<> { co_await stream.write("x"); };
  Running<> writer = begin(writes);
  ASSERT_TRUE(writer.done());
  try {
    writer.get();
    ADD_FAILURE();
  } catch (const SocketError& error) {
    EXPECT_STREQ(error.what(), "write 192.0.2.1:54321: Broken pipe (the stream was closed here)");
  }
}

TEST_F(StreamTest, AStreamThatGoesWakesThoseWhoWaitForIt) {
  auto owned = std::make_unique<Stream>(std::move(stream));
  int told = 0;
  const auto reads = [&]() -> Task<> {
    const auto result = co_await as_result(owned->read());
    told += result ? 0 : 1;
  };
  const auto writes = [&]() -> Task<> {
    const auto result = co_await as_result(owned->write("x"));
    told += result ? 0 : 1;
  };
  protocol->pause_writing();
  const Running<> reader = begin(reads);
  const Running<> writer = begin(writes);
  owned.reset();
  turns(2);
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(transport.closing());
}

TEST_F(StreamTest, OneTaskAtATimeReads) {
  const auto reads = [&]() -> Task<> { (void)co_await stream.read(); };
  const Running<> first = begin(reads);
  Running<> second = begin(reads);
  ASSERT_TRUE(second.done());
  EXPECT_THROW(second.get(), std::logic_error);
  transport.receive("x");
  EXPECT_TRUE(first.done());
}

TEST_F(StreamTest, ADeadlineOfAReadNamesThePeer) {
  const auto reads = [&]() -> Task<> { (void)co_await with_timeout(1s, stream.read()); };
  Running<> running = begin(reads);
  turns(2);
  clock.advance(1s);
  turns(3);
  ASSERT_TRUE(running.done());
  try {
    running.get();
    ADD_FAILURE();
  } catch (const Timeout& error) {
    EXPECT_STREQ(error.what(), "read 192.0.2.1:54321: timed out after 1 s");
  }
  const auto reads_on = [&]() -> Task<> {  // nothing is lost by it
    const auto data = co_await stream.read();
    EXPECT_EQ(*data, "later");
  };
  const Running<> again = begin(reads_on);
  transport.receive("later");
  EXPECT_TRUE(again.done());
}

TEST_F(StreamTest, EndsItsOutputAndReadsOn) {
  const auto body = [&]() -> Task<> {
    co_await stream.write(Slice::permanent("bye"));
    const std::string_view pieces[] = {" ", "now"};
    co_await stream.writelines(pieces);
    stream.shutdown_write();
    const auto data = co_await stream.read();
    EXPECT_EQ(*data, "ok");
  };
  const Running<> running = begin(body);
  EXPECT_EQ(transport.written(), "bye now");
  EXPECT_TRUE(transport.write_ended());
  transport.receive("ok");
  EXPECT_TRUE(running.done());
  stream.abort();
  EXPECT_TRUE(transport.aborted());
}

// The task waits while the peer is slow, and turns in which nothing happens are not needed for that.
TEST_F(StreamTest, SendsAFileAsFastAsThePeerReads) {
  const std::string text(1 << 20, 'f');
  const OpenFile file = OpenFile::borrow(network.file(text));
  bool sent = false;
  const auto handle = [&](Stream peer) -> Task<> {
    const Alive alive;
    co_await peer.write("<");
    co_await peer.send_file(file, 0, text.size());
    sent = true;
    co_await peer.write(">");
  };
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle));
  turns(2);
  MemoryPeer peer = network.connect(700);
  peer.window(0);
  turns(20);
  EXPECT_FALSE(sent);
  const std::uint64_t timers = reactor.loop().timers().added();
  turns(20);
  EXPECT_EQ(reactor.loop().timers().added(), timers);
  peer.window(static_cast<std::size_t>(-1));
  turns(100);
  EXPECT_TRUE(sent);
  EXPECT_EQ(peer.received(), "<" + text + ">");
}

// Where the connection says later that much waits than a stream does, nobody looks again and again.
TEST(StreamLimits, AWriterOfAReactorThatHoldsMoreWaitsWithoutTurning) {
  constexpr std::size_t much = std::size_t{1} << 20U;
  ManualClock clock;
  MemoryNetwork network(clock);
  Limits limits;
  limits.high_water = much;
  Reactor reactor(network.backend(), {.limits = limits, .clock = &clock});
  EXPECT_EQ(reactor.limits().high_water, much);
  std::size_t written = 0;
  const auto handle = [&](Stream peer) -> Task<> {
    const std::string half(much / 2, 'x');
    for (int i = 0; i < 4; ++i) {
      co_await peer.write(half);
      written += half.size();
    }
  };
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle));
  const auto turns = [&](int count) {
    for (int i = 0; i < count; ++i) reactor.turn(Duration::zero());
  };
  turns(2);
  MemoryPeer peer = network.connect(700);
  peer.window(0);
  turns(20);
  EXPECT_EQ(written, much);  // and the third, which has been written, waits
  const std::uint64_t timers = reactor.loop().timers().added();
  turns(20);
  EXPECT_EQ(reactor.loop().timers().added(), timers);
  peer.read_everything();
  turns(100);
  EXPECT_EQ(written, 2 * much);
  EXPECT_EQ(peer.received().size(), 2 * much);
  peer.reset();
  turns(4);
}

}  // namespace
}  // namespace parley
