#include "parley/reactor/backoff.h"

#include <gtest/gtest.h>
#include <set>

namespace parley {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, WithoutJitterItIsExponentialUpToTheCap) {
  std::mt19937 random(1);
  Backoff backoff({.initial = 1s, .most = 10s, .factor = 2, .jitter = 0});
  for (const Duration wait : {1s, 2s, 4s, 8s, 10s, 10s}) EXPECT_EQ(backoff.next(random), wait);
  EXPECT_EQ(backoff.retries(), 6U);
  backoff.reset();
  EXPECT_EQ(backoff.retries(), 0U);
  EXPECT_EQ(backoff.next(random), 1s);
}

TEST(Backoff, JitterIsBoundedAndTheCapIsNeverExceeded) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const BackoffSettings settings{.initial = 1s, .most = 60s, .factor = 1.5, .jitter = 0.2};
    Backoff backoff(settings);
    double middle = 1e9;
    for (int i = 0; i < 30; ++i) {
      const Duration wait = backoff.next(random).value_or(-1s);
      ASSERT_LE(wait, settings.most) << seed;
      ASSERT_GE(static_cast<double>(wait.count()), middle * 0.8 - 1) << seed;
      ASSERT_LE(static_cast<double>(wait.count()), middle * 1.2 + 1) << seed;
      middle = std::min(middle * 1.5, 60e9);
    }
  }
}

TEST(Backoff, WaitsDifferAtTheCapToo) {
  std::set<Duration> waits;
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    Backoff backoff({.initial = 10s, .most = 10s});
    waits.insert(backoff.next(random).value_or(-1s));
  }
  EXPECT_GT(waits.size(), 90U);
}

TEST(Backoff, TheSameSeedGivesTheSame) {
  std::mt19937 one(7);
  std::mt19937 other(7);
  Backoff first;
  Backoff second;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(first.next(one), second.next(other));
}

TEST(Backoff, ItEndsAfterSoManyRetriesUnlessOneSucceeds) {
  std::mt19937 random(1);
  Backoff backoff({.max_retries = 2});
  EXPECT_TRUE(backoff.next(random));
  EXPECT_TRUE(backoff.next(random));
  EXPECT_FALSE(backoff.next(random));
  EXPECT_FALSE(backoff.next(random));
  backoff.reset();
  EXPECT_TRUE(backoff.next(random));
  Backoff none({.max_retries = 0});
  EXPECT_FALSE(none.next(random));
}

TEST(Backoff, ManyFailuresDoNotOverflow) {
  std::mt19937 random(1);
  Backoff backoff({.most = 1h, .factor = 1e6, .jitter = 1});
  for (int i = 0; i < 10000; ++i) {
    const Duration wait = backoff.next(random).value_or(-1s);
    ASSERT_GE(wait, 0s);
    ASSERT_LE(wait, 1h);
  }
}

}  // namespace
}  // namespace parley
