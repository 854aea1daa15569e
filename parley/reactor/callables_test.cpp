// Whatever a reactor is to call may be something that can only be moved; and nothing is no call.

#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <sys/resource.h>
#include <utility>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/create.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class Silent final : public Protocol {
  void data_received(std::span<char>) override {}
};

class Callables : public testing::Test {
 protected:
  // A call that can only be moved, and counts.
  auto once() {
    return [this, one = std::make_unique<int>(1)](auto&&...) { calls_ += *one; };
  }
  auto simple() {
    return [this, one = std::make_unique<int>(1)] { calls_ += *one; };
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) reactor_.turn(0s);
  }

  Reactor reactor_;
  int calls_ = 0;
};

TEST_F(Callables, OfTimeAndOfTheLoop) {
  reactor_.call_later(0s, simple());
  reactor_.post(simple());
  reactor_.call_when_running(simple());
  turns(2);
  EXPECT_EQ(calls_, 3);
  reactor_.on_error(once());
  reactor_.post([] { throw std::runtime_error("x"); });
  turns(2);
  EXPECT_EQ(calls_, 4);
  reactor_.on_stop(Stopping::before, simple());
  reactor_.on_stop(Stopping::during, [this, one = std::make_unique<int>(1)](const Hold&) { calls_ += *one; });
  reactor_.stop();
  reactor_.run();
  EXPECT_EQ(calls_, 6);
}

TEST_F(Callables, OfDescriptorsAndSignals) {
  auto [near, far] = socketpair();
  Watching watching = reactor_.watch(near.fileno(), Interest::read,
                                     [this, one = std::make_unique<int>(1)](Interest) { calls_ += *one; });
  far.send("x");
  turns(1);
  EXPECT_EQ(calls_, 1);
  watching.stop();
  reactor_.on_signal(Signal::user1, simple());
  reactor_.on_signal(Signal::user1, [this, one = std::make_unique<int>(1)](Signal) { calls_ += *one; });
  ::raise(SIGUSR1);
  for (int i = 0; i < 1000 && calls_ < 3; ++i) reactor_.turn(1ms);
  EXPECT_EQ(calls_, 3);
}

TEST_F(Callables, OfFactoriesThreadsAndConnections) {
  const auto make = [this] {
    return [this, one = std::make_unique<int>(1)]() -> std::unique_ptr<Protocol> {
      calls_ += *one;
      return std::make_unique<Silent>();
    };
  };
  const ListeningPort port = reactor_.listen_tcp({"127.0.0.1", 0}, make());
  reactor_.connect_tcp({"127.0.0.1", port.host().port()}, make());
  for (int i = 0; i < 1000 && calls_ < 2; ++i) reactor_.turn(1ms);
  EXPECT_EQ(calls_, 2);
  reactor_.call_in_thread([given = std::make_unique<int>(5)] { return *given; },
                          [this, one = std::make_unique<int>(1)](Outcome<int> outcome) {
                            calls_ += outcome.get() == 5 ? *one : 0;
                          });
  for (int i = 0; i < 1000 && calls_ < 3; ++i) reactor_.turn(1ms);
  EXPECT_EQ(calls_, 3);
  auto [near, far] = socketpair();
  const TransportId id = reactor_.adopt(std::move(near), std::make_unique<Silent>());
  turns(1);
  reactor_.detach(id, [this, one = std::make_unique<int>(1)](Detached detached) {
    calls_ += *one;
    Socket::adopt(detached.handle.native).close();
  });
  turns(3);
  EXPECT_EQ(calls_, 4);
}

TEST_F(Callables, NothingIsRefusedWhereItIsGiven) {
  EXPECT_THROW(reactor_.call_later(0s, nullptr), std::invalid_argument);
  EXPECT_THROW(reactor_.post({}), std::invalid_argument);
  EXPECT_THROW(reactor_.watch(0, Interest::read, nullptr), std::invalid_argument);
  EXPECT_THROW(reactor_.on_signal(Signal::user1, MoveOnlyFunction<void()>()), std::invalid_argument);
  EXPECT_THROW(reactor_.on_signal(Signal::user1, MoveOnlyFunction<void(Signal)>()), std::invalid_argument);
  EXPECT_THROW(reactor_.on_stop(Stopping::before, MoveOnlyFunction<void()>()), std::invalid_argument);
  EXPECT_THROW(reactor_.on_stop(Stopping::before, MoveOnlyFunction<void(Hold)>()), std::invalid_argument);
  reactor_.on_error(nullptr);  // nobody is told, as at first
  turns(2);
}

// The process's limit of descriptors, which a reactor raises unless it is told not to.
class DescriptorLimit : public testing::Test {
 protected:
  DescriptorLimit() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{256, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  ~DescriptorLimit() override { ::setrlimit(RLIMIT_NOFILE, &before_); }
  static rlim_t now() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
  }

  rlimit before_{};
};

TEST_F(DescriptorLimit, IsRaisedByAReactor) {
  ASSERT_GT(before_.rlim_max, 256U);
  const Reactor reactor;
  EXPECT_EQ(now(), before_.rlim_max);
}

TEST_F(DescriptorLimit, IsLeftWhereTheSettingSaysSoAndOverABackEndOfOnesOwn) {
  const Reactor reactor(Reactor::automatic, {.raise_descriptor_limit = false});
  EXPECT_EQ(now(), 256U);
  ManualClock clock;
  MemoryNetwork network(clock);
  const Reactor in_memory(network.backend(), {.clock = &clock});
  EXPECT_EQ(now(), 256U);
}

}  // namespace
}  // namespace parley
