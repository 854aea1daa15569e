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
  void on_connected(StreamSlot&) override { ADD_FAILURE(); }
  void on_received(StreamSlot&, std::span<char>) override { ADD_FAILURE(); }
  void on_end(StreamSlot&) override { ADD_FAILURE(); }
  void on_written(StreamSlot&, std::size_t) override { ADD_FAILURE(); }
  void on_all_written() override { ADD_FAILURE(); }
  void on_failed(StreamSlot&, std::error_code) override { ADD_FAILURE(); }
  void on_closed(StreamSlot&) override { ADD_FAILURE(); }
  void on_detached(StreamSlot&, Handle, std::span<const char>) override { ADD_FAILURE(); }
  void on_accepted(ListenerSlot&, Handle, const CompactAddress&) override { ADD_FAILURE(); }
  void on_accept_failed(ListenerSlot&, std::error_code) override { ADD_FAILURE(); }
  void on_datagrams(DatagramSlot&, std::span<Received>) override { ADD_FAILURE(); }
  void on_sent(DatagramSlot&, std::size_t, std::error_code) override { ADD_FAILURE(); }
  void on_datagram_error(DatagramSlot&, std::error_code) override { ADD_FAILURE(); }
  void on_closed(DatagramSlot&) override { ADD_FAILURE(); }
  void on_ready(WatchSlot&, Interest) override { ADD_FAILURE(); }
  void on_woken() override {}
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
