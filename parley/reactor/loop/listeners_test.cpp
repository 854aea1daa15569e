// What a factory says to those that it refuses.
#include "parley/reactor/loop/listeners.h"

#include <chrono>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/create.h"
#include "parley/socket/error.h"
#include "parley/socket/options.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

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

  RecordingLog log_;
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

// Says how its socket was when the connection was made.
class Looking final : public Protocol {
 public:
  explicit Looking(std::function<void(Socket)> look) : look_(std::move(look)) {}
  void connection_made() override {
    look_(fromfd(transport().fileno()));
    transport().abort_connection();
  }
  void data_received(std::span<char> /*lent*/) override {}

 private:
  std::function<void(Socket)> look_;
};

// With a socket that listens already, as one that was inherited does.
class AdoptedPort : public testing::Test {
 protected:
  // The first connection that it accepts.
  void look(Socket listening, const ListenOptions& options, const std::function<void(Socket)>& look) {
    const Address at = listening.getsockname();
    bool seen = false;
    const auto make = [&] {
      return std::make_unique<Looking>([&](Socket accepted) {
        seen = true;
        look(std::move(accepted));
      });
    };
    ListeningPort port =
        reactor_.adopt_port(std::move(listening), factory(make), ListenSettings{.options = options});
    Socket client(at.family() == Family::local ? Family::local : Family::inet);
    client.connect(at);
    for (int i = 0; i < 1000 && !seen; ++i) reactor_.turn(10ms);
    EXPECT_TRUE(seen);
    port.stop_listening();
  }

  RecordingLog log_;
  Reactor reactor_{Reactor::automatic, {.log = &log_}};
};

Socket listening_at(Family family, const Address& at) {
  Socket listening(family);
  listening.bind(at);
  listening.listen(5);
  return listening;
}

TEST_F(AdoptedPort, WhatItAcceptsBeginsWithItsOptions) {
  ListenOptions options;
  options.keep_alive = true;
  options.keep_idle = 120s;
  options.keep_interval = 15s;
  options.keep_count = 4;
  options.send_buffer = 30'000;
  look(listening_at(Family::inet, {"127.0.0.1", 0}), options, [](Socket accepted) {
    EXPECT_TRUE(accepted.getsockopt(options::no_delay));
    EXPECT_TRUE(accepted.getsockopt(options::keep_alive));
    EXPECT_EQ(accepted.getsockopt(options::keep_idle), 120s);
    EXPECT_EQ(accepted.getsockopt(options::keep_interval), 15s);
    EXPECT_EQ(accepted.getsockopt(options::keep_count), 4);
    EXPECT_EQ(accepted.getsockopt(options::send_buffer), 60'000);
  });
  look(listening_at(Family::local, Address::local(std::string_view("\0parley_adopted", 15))), options,
       [](Socket accepted) { EXPECT_EQ(accepted.getsockopt(options::send_buffer), 60'000); });
}

TEST_F(AdoptedPort, WhatIsNotAskedForStaysAsItIs) {
  Socket listening = listening_at(Family::inet, {"127.0.0.1", 0});
  listening.setsockopt(options::keep_alive, true);
  ListenOptions options;
  options.no_delay = false;
  look(std::move(listening), options, [](Socket accepted) {
    EXPECT_TRUE(accepted.getsockopt(options::keep_alive));
    EXPECT_FALSE(accepted.getsockopt(options::no_delay));
  });
}

TEST_F(AdoptedPort, WhatCannotBeIsRefused) {
  ListenOptions options;
  options.keep_idle = 32768s;
  std::string said;
  try {
    look(listening_at(Family::inet, {"127.0.0.1", 0}), options, [](const Socket&) {});
  } catch (const SocketError& error) {
    said = error.what();
    EXPECT_EQ(error.code(), std::errc::invalid_argument);
  }
  EXPECT_THAT(said, HasSubstr("32767 s"));
}

}  // namespace
}  // namespace parley
