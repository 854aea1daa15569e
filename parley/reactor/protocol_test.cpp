// A protocol is asked for its transport too early: an exception that says so, and not a crash.
#include "parley/reactor/protocol.h"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"

namespace parley {
namespace {

std::string what_it_says(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "nothing";
}

struct Early : Protocol {
  explicit Early(bool asks_peer) {
    if (asks_peer) {
      (void)peer();
    } else {
      transport().write("welcome");
    }
  }
  void data_received(std::span<char>) override {}
};

struct EarlyDatagrams : DatagramProtocol {
  EarlyDatagrams() { transport().write("x"); }
  void datagram_received(std::span<char>, const Address&) override {}
};

TEST(ProtocolTest, InItsConstructorThereIsNoConnectionAndItIsToldSo) {
  EXPECT_NE(what_it_says([] { Early(true); }).find("connection_made"), std::string::npos);
  EXPECT_NE(what_it_says([] { Early(false); }).find("connection_made"), std::string::npos);
  EXPECT_NE(what_it_says([] { EarlyDatagrams(); }).find("start_protocol"), std::string::npos);
}

TEST(ProtocolTest, AFactoryThatThrowsSoCostsThatConnectionAlone) {
  ManualClock clock;
  MemoryNetwork network(clock, 1);
  Reactor reactor(network.backend(), {.clock = &clock});
  std::string error;
  reactor.on_error(
      [&](std::exception_ptr thrown) { error = what_it_says([&] { std::rethrow_exception(thrown); }); });
  bool early = true;
  reactor.listen_tcp({"127.0.0.1", 700}, [&early]() -> std::unique_ptr<Protocol> {
    if (early) return std::make_unique<Early>(true);
    struct Late : Protocol {
      void connection_made() override { transport().write("welcome"); }
      void data_received(std::span<char>) override {}
    };
    return std::make_unique<Late>();
  });
  MemoryPeer first = network.connect(700);
  for (int i = 0; i < 5; ++i) reactor.turn(Duration::zero());
  EXPECT_NE(error.find("no transport and no peer"), std::string::npos) << error;
  early = false;
  MemoryPeer second = network.connect(700);
  for (int i = 0; i < 5; ++i) reactor.turn(Duration::zero());
  EXPECT_EQ(second.received(), "welcome");
}

}  // namespace
}  // namespace parley
