#include "parley/process/fork_mutex.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "parley/process/fork_fixture.h"

namespace parley {
namespace {

TEST(ForkMutexTest, IsFreeInTheChildWhoeverHasItInTheParent) {
  ForkMutex one;
  ForkMutex other;
  std::atomic<bool> ends = false;
  std::thread busy([&] {
    while (!ends) {
      const std::scoped_lock lock(one, other);
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 20; ++i) {
    Fork fork;
    if (fork.in_child()) {
      const std::scoped_lock lock(one, other);
      fork.say("free");
      Fork::leave();
    }
    EXPECT_EQ(fork.hear(), "free");
    EXPECT_TRUE(fork.has_left());
    const std::scoped_lock lock(other);
  }
  ends = true;
  busy.join();
}

}  // namespace
}  // namespace parley
