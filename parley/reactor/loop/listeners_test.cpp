// What a factory says to those that it refuses.
#include "parley/reactor/loop/listeners.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/log.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class Noting final : public Log {
 public:
  void write(Level, std::string_view message) noexcept override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

class Refusing final : public Factory {
 public:
  std::unique_ptr<Protocol> build_protocol(const Address&) override { return nullptr; }
  std::string_view refusal() const override {
    if (fails) throw std::runtime_error("no words");
    return "go away";
  }
  bool fails = false;
};

class ListenersTest : public testing::Test {
 protected:
  // So many come; answers how many of them were told why they are refused.
  int told_of(int count, int port) {
    int told = 0;
    std::vector<MemoryPeer> peers;
    for (int i = 0; i < count; ++i) peers.push_back(network_.connect(port));
    for (int i = 0; i < 20; ++i) reactor_.turn(Duration::zero());
    for (const MemoryPeer& peer : peers) {
      told += peer.received() == "go away" ? 1 : 0;
      EXPECT_TRUE(peer.ended() || peer.was_reset());
    }
    return told;
  }

  Noting log_;
  ManualClock clock_;
  MemoryNetwork network_{clock_};
  Reactor reactor_{network_.backend(), {.clock = &clock_, .log = &log_}};
};

TEST_F(ListenersTest, AFactoryThatFindsNoWordsEndsNothing) {
  const auto factory = std::make_shared<Refusing>();
  reactor_.listen_tcp({"127.0.0.1", 700}, factory);
  factory->fails = true;
  EXPECT_EQ(told_of(1, 700), 0);
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("no words")));
  factory->fails = false;
  EXPECT_EQ(told_of(1, 700), 1);
  EXPECT_EQ(reactor_.connections(), 0U);
}

TEST_F(ListenersTest, HowManyAreToldIsCountedForEachPort) {
  const auto factory = std::make_shared<Refusing>();
  for (const int port : {700, 701}) reactor_.listen_tcp({"127.0.0.1", port}, factory);
  EXPECT_EQ(told_of(40, 700), 32);
  EXPECT_EQ(told_of(40, 701), 32);
  clock_.advance(1s);
  EXPECT_EQ(told_of(40, 700), 32);
}

}  // namespace
}  // namespace parley
