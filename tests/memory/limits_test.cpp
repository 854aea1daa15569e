// All that lags together holds no more than Limits::queued_total, whatever it is, and what was freed goes
// back to the system. Looked at where it counts: at what the process has.

#include <algorithm>
#include <gtest/gtest.h>

#include "tests/memory/laggards.h"

namespace parley {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t total = 24 * mib;

struct How {
  const char* name;
  std::size_t size;  // of a message
  enum Way { group, text, slice } way;
};

class QueuedTotal : public testing::TestWithParam<How> {};

TEST_P(QueuedTotal, HoldsAndIsGivenBack) {
  const How how = GetParam();
  Limits limits;
  limits.queued_total = total;
  Laggards laggards(limits, 300);
  const std::string message(how.size, 'x');
  const auto send = [&] {
    const std::size_t times = std::max<std::size_t>(1, 4000 / how.size);
    for (std::size_t i = 0; how.way == How::group && i < times; ++i) laggards.group().broadcast(message);
    if (how.way == How::group) return;
    for (Transport* const transport : laggards.transports()) {
      for (std::size_t i = 0; i < times; ++i) {
        if (how.way == How::slice) {
          transport->write(Slice(std::string(message)));
        } else {
          transport->write(message);
        }
      }
    }
  };
  const std::size_t before = Laggards::resident();
  std::size_t most = 0;
  for (int i = 0; i < 3000 && laggards.lost() < 150; ++i) {
    laggards.in_turn(send);
    most = std::max(most, Laggards::resident() - before);
  }
  EXPECT_GE(laggards.lost(Reason::Kind::overload), 150U);
  EXPECT_EQ(laggards.lost(), laggards.lost(Reason::Kind::overload));
  // The others hold all that they may.
  EXPECT_GE(most, total * 8 / 10);
  // Slices are held until they are flushed: those of one turn come on top.
  const std::size_t of_a_turn = how.way == How::slice ? 3 * mib : mib;
  if (!sanitized) {
    EXPECT_LE(most, total + total / 10 + of_a_turn);
  }
  laggards.clients().clear();
  for (int i = 0; i < 1000 && laggards.lost() < 300; ++i) laggards.in_turn([] {});
  EXPECT_EQ(laggards.lost(), 300U);
  laggards.pass(std::chrono::seconds(1));
  laggards.turn();
  if (!sanitized) {
    EXPECT_LE(Laggards::resident(), before + 6 * mib);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, QueuedTotal,
                         testing::Values(How{"lines", 100, How::group}, How{"messages", 2048, How::group},
                                         How{"pages", 20'480, How::group}, How{"texts", 100'000, How::text},
                                         How{"slices", 2048, How::slice},
                                         How{"small_slices", 100, How::slice}),
                         [](const auto& how) { return std::string(how.param.name); });

// More go in one turn than are found by looking once.
TEST(QueuedTotalTest, ManyGoInOneTurnAndTheOthersStay) {
  Limits limits;
  limits.queued_total = 8 * mib;
  Laggards laggards(limits, 450);
  const std::string message(30'000, 'x');
  for (int i = 0; i < 5; ++i) laggards.in_turn([&] { laggards.group().broadcast(message); });
  EXPECT_GE(laggards.lost(Reason::Kind::overload), 100U);
  EXPECT_LE(laggards.lost(), 420U);
}

}  // namespace
}  // namespace parley
