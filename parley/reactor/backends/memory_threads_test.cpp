#include <chrono>
#include <gtest/gtest.h>
#include <optional>
#include <thread>

#include "parley/reactor/backends/memory.h"

namespace parley {
namespace {

// Is told nothing in these tests.
class Nobody final : public Backend::Upcalls {
 public:
  void on_received(Channel&, std::span<char>) override { ADD_FAILURE(); }
  void on_end(Channel&) override { ADD_FAILURE(); }
  void on_written(Channel&, std::size_t) override { ADD_FAILURE(); }
  void on_failed(Channel&, std::error_code) override { ADD_FAILURE(); }
  void on_closed(Channel&) override { ADD_FAILURE(); }
  void on_detached(Channel&, int, std::span<char>) override { ADD_FAILURE(); }
  void on_accepted(Door&, int, const CompactAddress&) override { ADD_FAILURE(); }
  void on_accept_failed(Door&, std::error_code) override { ADD_FAILURE(); }
  void on_ready(Watch&, Interest) override { ADD_FAILURE(); }
};

TEST(MemoryThreads, AnotherThreadWakesATurnWithoutADeadline) {
  ManualClock clock;
  MemoryNetwork network(clock);
  Nobody nobody;
  const Limits limits;
  const auto backend = network.backend()({.up = nobody, .limits = limits, .clock = clock});
  const Time before = clock.now();
  for (int i = 0; i < 100; ++i) {
    std::thread other([&] { backend->wake(); });
    backend->turn(std::nullopt);
    other.join();
  }
  EXPECT_EQ(clock.now(), before);
}

}  // namespace
}  // namespace parley
