// Large pieces are not copied: the block that they were received into is handed on.

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "parley/reactor/filter.h"
#include "parley/reactor/string_transport.h"
#include "parley/stream/read_buffer.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

InputBlock block_of(const std::string& text, std::size_t size) {
  InputBlock block{std::make_unique<char[]>(size), size};
  text.copy(block.memory.get(), text.size());
  return block;
}

TEST(ReadBufferTest, ABlockIsTakenOverWithItsRoom) {
  detail::ReadBuffer buffer;
  const std::string text(20'000, 'a');
  InputBlock block = block_of(text, 65'536);
  const char* const memory = block.memory.get();
  buffer.adopt(std::move(block), text.size());
  EXPECT_EQ(buffer.held(), text);
  EXPECT_EQ(buffer.held().data(), memory);
  buffer.append(std::string(45'000, 'b'));
  EXPECT_EQ(buffer.held().data(), memory) << "what comes next stands in the rest of it";
  const std::string_view lent = buffer.lend(30'000);
  buffer.append(std::string(1'000, 'c'));  // for which there is no room
  EXPECT_EQ(lent, text + std::string(10'000, 'b'));
  EXPECT_EQ(buffer.held(), std::string(35'000, 'b') + std::string(1'000, 'c'));
}

TEST(ReadBufferTest, WhatWasLentBeforeStaysWhenABlockIsTakenOver) {
  for (const std::size_t before : {100U, 5'000U}) {  // in a small block, and in one of its own
    detail::ReadBuffer buffer;
    buffer.append(std::string(before, 'a'));
    const std::string_view lent = buffer.lend(before);
    buffer.adopt(block_of(std::string(16'384, 'b'), 16'384), 16'384);
    detail::ReadBuffer other;
    other.append(std::string(4'000, 'x'));  // where the lent block would be, were it free
    EXPECT_EQ(lent, std::string(before, 'a'));
    EXPECT_EQ(buffer.held(), std::string(16'384, 'b'));
    buffer.settle();
    EXPECT_EQ(buffer.held(), std::string(16'384, 'b'));
    const std::string_view all = buffer.lend(16'384);
    buffer.adopt(block_of("c", 4'096), 1);
    EXPECT_EQ(all, std::string(16'384, 'b'));
    EXPECT_EQ(buffer.held(), "c");
  }
}

// Takes over what it is given.
struct Keeping : Protocol {
  explicit Keeping(std::vector<InputBlock>& kept_, int& same_) : kept(kept_), same(same_) {}
  void data_received(std::span<char> lent) override {
    const std::string before(lent.data(), lent.size());
    InputBlock block = transport().take_lent(lent);
    EXPECT_EQ(std::string_view(block.memory.get(), lent.size()), before);
    EXPECT_EQ(std::string_view(lent.data(), lent.size()), before) << "it stays for the call";
    EXPECT_LE(block.size, 4 * lent.size());
    same += block.memory.get() == lent.data() ? 1 : 0;
    const InputBlock again = transport().take_lent(lent);
    EXPECT_EQ(std::string_view(again.memory.get(), lent.size()), before);
    EXPECT_NE(again.memory.get(), block.memory.get()) << "it has one owner";
    block.size = lent.size();
    kept.push_back(std::move(block));
  }
  bool eof_received() override { return true; }
  std::vector<InputBlock>& kept;
  int& same;
};

std::string all_of(const std::vector<InputBlock>& kept) {
  std::string all;
  for (const InputBlock& block : kept) all.append(block.memory.get(), block.size);
  return all;
}

std::string text_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 / 5 % 26);
  return text;
}

class TakeOverTest : public testing_stream::StreamFixture {
 protected:
  std::vector<InputBlock> kept;
  int same = 0;
};

TEST_F(TakeOverTest, AProtocolTakesOverWhatItIsLent) {
  const auto make = [this] { return std::make_unique<Keeping>(kept, same); };
  reactor.listen_tcp({"127.0.0.1", 700}, make);
  MemoryPeer peer = network.connect(700);
  const std::string text = text_of(300'000);
  peer.send(text);
  turns(20);
  EXPECT_EQ(all_of(kept), text);
  EXPECT_EQ(same, static_cast<int>(kept.size()));
}

// It may give its application something else than it was given, and in parts.
TEST_F(TakeOverTest, UnderAFilterItIsACopy) {
  const auto make = [this] { return std::make_unique<Filter>(std::make_unique<Keeping>(kept, same)); };
  reactor.listen_tcp({"127.0.0.1", 700}, make);
  MemoryPeer peer = network.connect(700);
  peer.send(text_of(100'000));
  turns(20);
  EXPECT_EQ(all_of(kept), text_of(100'000));
  EXPECT_EQ(same, 0);
}

TEST_F(TakeOverTest, AStringTransportCopies) {
  Keeping protocol(kept, same);
  StringTransport transport;
  transport.connect(protocol);
  transport.receive("hello");
  EXPECT_EQ(all_of(kept), "hello");
  EXPECT_EQ(same, 0);
  transport.lose(Reason(Reason::Kind::done));
}

class TakeOverOver : public testing::TestWithParam<Reactor::Kind> {};

// One sends without a pause, the other reads in its own ways; what was taken over is not written over.
TEST_P(TakeOverOver, StreamsOfLargePiecesArriveAsTheyWere) {
  const std::string text = text_of(3'000'000);
  Reactor reactor(GetParam());
  std::string seen;
  const auto reads = [&](Stream& peer) -> Task<> {
    const std::string_view first = co_await peer.read_exactly(100'000, 100'000);
    seen += first;
    while (seen.size() < 2'000'000) {
      const std::string_view shown = co_await peer.fill(50'000);
      co_await sleep(0s);  // more comes meanwhile
      const std::size_t count = shown.size() / 2 + 1;
      seen += shown.substr(0, count);
      peer.consume(count);
    }
    while (const auto data = co_await peer.read()) {
      co_await sleep(0s);
      seen += *data;
    }
  };
  const auto sends = [&](Stream& peer) -> Task<> {
    co_await peer.write(Slice(text));
    peer.shutdown_write();
  };
  const auto body = [&]() -> Task<> {
    Listener listener({"127.0.0.1", 0});
    Stream near = co_await connect(Endpoint("127.0.0.1", listener.host().port()));
    Stream far = co_await listener.accept();
    co_await when_all(sends(near), reads(far));
  };
  run(reactor, body());
  EXPECT_TRUE(seen == text);
}

INSTANTIATE_TEST_SUITE_P(Each, TakeOverOver, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select));

}  // namespace
}  // namespace parley
