// Streams under filters: from the start, and put there in the middle.

#include "parley/reactor/filter.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

// Each byte one further on the wire, both ways.
class Shifting final : public Filter {
 public:
  void data_received(std::span<char> lent) override {
    for (char& c : lent) c = static_cast<char>(c - 1);
    Filter::data_received(lent);
  }
  void flush(Output& output) override {
    while (output.size() > 0) {
      std::string text(output.pieces().front());
      for (char& c : text) c = static_cast<char>(c + 1);
      output.put(text);
      output.drop(text.size());
    }
  }
};

std::string shifted(std::string text) {
  for (char& c : text) c = static_cast<char>(c + 1);
  return text;
}

Wrap shifting() {
  return [](const Address&) { return std::make_unique<Shifting>(); };
}

class StreamFilters : public testing_stream::StreamFixture {};

Task<> echo(Stream peer) {
  const Alive alive;
  while (const auto data = co_await peer.read()) co_await peer.write(*data);
}

TEST_F(StreamFilters, AServersConnectionsStandUnderThem) {
  ServeSettings settings;
  settings.wrap = shifting();
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, echo, settings));
  turns(2);
  MemoryPeer peer = network.connect(700);
  peer.send("hello");
  turns(4);
  EXPECT_EQ(peer.take(), "hello");
  // Enough to wait for room.
  const std::string large(1 << 20, 'x');
  peer.send(large);
  turns(100);
  EXPECT_EQ(peer.take(), large);
  peer.reset();
  turns(4);
}

Task<> accept_one(std::string& got) {
  const Alive alive;
  ListenSettings settings;
  settings.wrap = shifting();
  Listener listener({"127.0.0.1", 700}, settings);
  Stream peer = co_await listener.accept();
  got = std::string(co_await peer.read_exactly(5));
}

Task<> connect_to(std::string& answer) {
  const Alive alive;
  ConnectSettings settings;
  settings.wrap = shifting();
  Stream peer = co_await connect({"127.0.0.1", 700}, settings);
  co_await peer.write("hello");
  const auto end = co_await peer.read();
  answer = end ? std::string(*end) : "the end";
}

TEST_F(StreamFilters, SoDoThoseThatAreAcceptedAndConnectedOneByOne) {
  std::string got;
  std::string answer;
  const Running<> accepting = spawn(reactor, accept_one(got));
  turns(2);
  const Running<> connecting = spawn(reactor, connect_to(answer));
  turns(20);
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(answer, "the end");
  EXPECT_TRUE(accepting.done() && connecting.done());
}

// What came behind the line that begins it is dropped, or goes through the filter.
TEST_F(StreamFilters, OneIsPutUnderALivingStream) {
  for (const Unread unread : {Unread::dropped, Unread::handed_over}) {
    std::string got;
    const auto handle = [&](Stream peer) -> Task<> {
      const Alive alive;
      EXPECT_EQ(co_await peer.read_line(), "starttls");
      co_await peer.write("go ahead\n");
      peer.insert(std::make_unique<Shifting>(), unread);
      co_await peer.write("inside");
      while (const auto data = co_await peer.read()) got += *data;
    };
    const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle));
    turns(2);
    MemoryPeer peer = network.connect(700);
    peer.send("starttls\n" + shifted("behind "));
    turns(6);
    EXPECT_EQ(peer.take(), "go ahead\n" + shifted("inside"));
    peer.send(shifted("later"));
    turns(4);
    EXPECT_EQ(got, unread == Unread::dropped ? "later" : "behind later");
    peer.close();
    turns(6);
  }
}

// The peer has ended meanwhile: what the filter makes of what it had sent comes before that.
TEST_F(StreamFilters, WhatIsHandedOverComesBeforeTheEnd) {
  for (const bool moved : {false, true}) {
    std::string got;
    bool ended = false;
    const auto handle = [&](Stream peer) -> Task<> {
      const Alive alive;
      EXPECT_EQ(co_await peer.read_line(), "starttls");
      co_await sleep(10ms);
      peer.insert(std::make_unique<Shifting>(), Unread::handed_over);
      Stream other;
      if (moved) other = std::move(peer);
      Stream& reads = moved ? other : peer;
      while (const auto data = co_await reads.read()) got += *data;
      ended = true;
    };
    const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle));
    turns(2);
    MemoryPeer peer = network.connect(700);
    peer.send("starttls\n" + shifted("the last"));
    peer.close();
    turns(6);
    clock.advance(10ms);
    turns(6);
    EXPECT_EQ(got, "the last");
    EXPECT_TRUE(ended);
  }
}

// As many bytes as make an idle stream stop reading: the filter has its input nevertheless.
TEST_F(StreamFilters, OneIsPutUnderAStreamThatNobodyReads) {
  std::string got;
  const auto handle = [&](Stream peer) -> Task<> {
    const Alive alive;
    co_await sleep(10ms);
    peer.insert(std::make_unique<Shifting>(), Unread::dropped);
    got = std::string(co_await peer.read_exactly(5));
  };
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle));
  turns(2);
  MemoryPeer peer = network.connect(700);
  peer.send(std::string(Stream::read_ahead, 'x'));
  turns(20);
  clock.advance(10ms);
  turns(4);
  peer.send(shifted("hello"));
  turns(20);
  EXPECT_EQ(got, "hello");
}

// Hands on what comes in pieces, and asks nobody whether they are wanted.
class Careless final : public Filter {
 public:
  explicit Careless(std::size_t size) : size_(size) {}
  void data_received(std::span<char> lent) override {
    while (!lent.empty()) {
      const std::size_t piece = std::min(size_, lent.size());
      Filter::data_received(lent.first(piece));
      lent = lent.subspan(piece);
    }
  }

 private:
  std::size_t size_;
};

TEST_F(StreamFilters, WhatIsHandedToAStreamThatWasClosedIsDropped) {
  for (const std::size_t piece : {100UL, 17UL * 1024}) {
    std::size_t got = 0;
    const auto handle = [&](Stream peer) -> Task<> {
      const Alive alive;
      got = (co_await peer.read())->size();
      peer.close();
      co_await sleep(1s);
    };
    ServeSettings settings;
    settings.wrap = [piece](const Address&) { return std::make_unique<Careless>(piece); };
    Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle, settings));
    turns(2);
    MemoryPeer peer = network.connect(700);
    turns(2);
    peer.send(std::string(128UL * 1024, 'x'));
    turns(6);
    EXPECT_EQ(got, piece);
    clock.advance(1s);
    turns(6);
  }
}

TEST_F(StreamFilters, NoneIsPutUnderAStreamThatIsBeingReadOrIsGone) {
  bool thrown = false;
  const auto handle = [&](Stream peer) -> Task<> {
    const Alive alive;
    const auto insert = [&]() -> Task<> {
      try {
        peer.insert(std::make_unique<Shifting>(), Unread::dropped);
      } catch (const std::logic_error&) {
        thrown = true;
      }
      co_return;
    };
    const auto read = [&]() -> Task<> { co_await peer.read(); };
    TaskGroup group;
    group.spawn(read());
    group.spawn(insert());
    co_await group.join();
    peer.close();
    peer.insert(std::make_unique<Shifting>(), Unread::dropped);
  };
  const Running<> server = spawn(reactor, serve_tcp({"127.0.0.1", 700}, handle));
  turns(2);
  MemoryPeer peer = network.connect(700);
  turns(4);
  peer.send("x");
  turns(6);
  EXPECT_TRUE(thrown);
}

}  // namespace
}  // namespace parley
