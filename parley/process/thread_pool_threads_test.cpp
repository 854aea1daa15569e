#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/print.h"
#include "parley/process/thread_pool.h"
#include "parley/socket/blocking.h"

namespace parley {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Calls wait here until it is opened, and others until so many wait.
class Latch {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_for(int inside) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= inside; });
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool open_ = false;
};

class Quiet final : public Log {
 public:
  void write(Level, std::string_view message) noexcept override {
    const std::scoped_lock lock(mutex);
    lines.emplace_back(message);
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

TEST(ThreadPoolTest, RunsEverythingAndGrowsAsNeeded) {
  ThreadPool pool({.threads = 3, .waiting = 1000});
  EXPECT_EQ(pool.threads(), 0U);
  std::atomic<int> done = 0;
  pool.call([&] { ++done; });
  pool.wait();
  EXPECT_EQ(pool.threads(), 1U);
  for (int i = 0; i < 20; ++i) {  // the one that is free is enough
    pool.call([&] { ++done; });
    pool.wait();
  }
  EXPECT_EQ(pool.threads(), 1U);
  for (int i = 0; i < 500; ++i) pool.call([&] { ++done; });
  pool.wait();
  EXPECT_EQ(done, 521);
  EXPECT_LE(pool.threads(), 3U);
  EXPECT_EQ(pool.running(), 0U);
}

TEST(ThreadPoolTest, AsManyRunAtOnceAsThereMayBeThreads) {
  Latch latch;
  ThreadPool pool({.threads = 3, .waiting = 2});
  for (int i = 0; i < 5; ++i) pool.call([&] { latch.pass(); });
  latch.wait_for(3);
  EXPECT_EQ(pool.running(), 3U);
  EXPECT_EQ(pool.waiting(), 2U);
  try {
    pool.call([] {});
    ADD_FAILURE() << "a third one may wait";
  } catch (const ThreadPoolFull& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 wait already (ThreadPoolSettings::waiting) for 3 threads"));
  }
  latch.open();
  pool.wait();
  pool.call([] {});
}

TEST(ThreadPoolTest, NobodyHasToWaitWhereNoneMay) {
  Latch latch;
  ThreadPool pool({.threads = 2, .waiting = 0});
  pool.call([&] { latch.pass(); });
  pool.call([&] { latch.pass(); });
  EXPECT_THROW(pool.call([] {}), ThreadPoolFull);
  latch.open();
  EXPECT_THROW(ThreadPool({.threads = 0}), std::invalid_argument);
}

TEST(ThreadPoolTest, FirstComeFirstServed) {
  std::vector<int> order;
  ThreadPool pool({.threads = 1});
  for (int i = 0; i < 100; ++i) pool.call([&order, i] { order.push_back(i); });
  pool.wait();
  EXPECT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(ThreadPoolTest, StoppingDropsWhatWaitsAndWaitsForWhatRuns) {
  Latch latch;
  std::atomic<bool> ended = false;
  std::vector<int> dropped;
  ThreadPool pool({.threads = 1});
  pool.call([&] {
    latch.pass();
    ended = true;
  });
  latch.wait_for(1);
  for (int i = 0; i < 3; ++i) {
    pool.call([] { ADD_FAILURE() << "it was to be dropped"; },
              [&, i] {
                dropped.push_back(i);
                if (i == 2) latch.open();
              });
  }
  pool.stop();
  EXPECT_TRUE(ended);
  EXPECT_THAT(dropped, ElementsAre(0, 1, 2));
  EXPECT_EQ(pool.threads(), 0U);
  EXPECT_THROW(pool.call([] {}), ThreadPoolStopped);
  pool.stop();
}

TEST(ThreadPoolTest, ItsDestructorStopsToo) {
  std::atomic<int> running = 0;
  {
    ThreadPool pool({.threads = 4});
    for (int i = 0; i < 4; ++i) {
      pool.call([&] {
        ++running;
        std::this_thread::yield();
        --running;
      });
    }
  }
  EXPECT_EQ(running, 0);
}

TEST(ThreadPoolTest, AnExceptionIsLoggedAndTheThreadGoesOn) {
  Quiet log;
  ThreadPool pool({.threads = 1}, log);
  pool.call([] { throw std::runtime_error("oh no"); });
  pool.call([] { throw 42; });
  std::atomic<bool> ran = false;
  pool.call([&] { ran = true; });
  pool.wait();
  EXPECT_TRUE(ran);
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("oh no"), HasSubstr("something that is no std::exception")));
}

TEST(ThreadPoolTest, WaitingForOneselfIsRefused) {
  ThreadPool pool;
  std::atomic<int> refused = 0;
  pool.call([&] {
    try {
      pool.wait();
    } catch (const std::logic_error&) {
      ++refused;
    }
    try {
      pool.stop();
    } catch (const std::logic_error&) {
      ++refused;
    }
  });
  pool.wait();
  EXPECT_EQ(refused, 2);
  const InsideReactor inside;
  EXPECT_THROW(pool.wait(), std::logic_error);
  EXPECT_THROW(pool.stop(), std::logic_error);
}

// A thread that has ended is counted no more a moment after it has finished its call.
void wait_for_threads(const ThreadPool& pool, std::size_t threads) {
  const Time end = system_clock().now() + std::chrono::seconds(30);
  while (pool.threads() != threads) {
    ASSERT_LT(system_clock().now(), end) << pool.threads() << " threads";
    std::this_thread::yield();
  }
}

TEST(ThreadPoolTest, AThreadThatHasNothingToDoEndsAfterItsIdleTime) {
  std::atomic<int> done = 0;
  ThreadPool pool({.threads = 4, .idle_time = Duration::zero()});
  for (int round = 0; round < 20; ++round) {
    Latch latch;
    for (int i = 0; i < 8; ++i) {
      pool.call([&] {
        latch.pass();
        ++done;
      });
    }
    latch.wait_for(4);
    EXPECT_EQ(pool.threads(), 4U);
    latch.open();
    pool.wait();
    wait_for_threads(pool, 0);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(done, 160);
  ThreadPool patient({.threads = 2, .idle_time = Duration::max()});
  patient.call([] {});
  patient.wait();
  patient.call([] {});
  patient.wait();
  EXPECT_EQ(patient.threads(), 1U);
}

TEST(ThreadPoolTest, ItsBoundsMayChange) {
  ThreadPool pool({.threads = 1, .waiting = 2});
  std::vector<int> order;
  std::mutex mutex;
  {
    Latch latch;
    pool.call([&] { latch.pass(); });
    for (int i = 0; i < 2; ++i) {
      pool.call([&, i] {
        const std::scoped_lock lock(mutex);
        order.push_back(i);
        if (i == 1) latch.open();
      });
    }
    latch.wait_for(1);
    EXPECT_THROW(pool.call([] {}), ThreadPoolFull);
    pool.adjust({.threads = 2, .waiting = 2});
    pool.call([&] {  // there may be a thread more, and those that came before are its first
      const std::scoped_lock lock(mutex);
      order.push_back(2);
    });
    pool.wait();
    EXPECT_THAT(order, ElementsAre(0, 1, 2));
    EXPECT_EQ(pool.threads(), 2U);
  }
  pool.adjust({.threads = 1, .waiting = 2});
  wait_for_threads(pool, 1);
  Latch latch;
  pool.adjust({.threads = 3, .waiting = 0});
  for (int i = 0; i < 3; ++i) pool.call([&] { latch.pass(); });
  latch.wait_for(3);
  pool.adjust({.threads = 1, .waiting = 3});
  std::atomic<int> done = 0;
  Latch next;
  for (int i = 0; i < 3; ++i) {
    pool.call([&] {
      next.pass();
      ++done;
    });
  }
  EXPECT_EQ(pool.threads(), 3U) << "what runs is not ended";
  latch.open();
  wait_for_threads(pool, 1);
  next.wait_for(1);
  EXPECT_EQ(pool.waiting(), 2U);
  next.open();
  pool.wait();
  EXPECT_EQ(done, 3);
  wait_for_threads(pool, 1);
  EXPECT_THROW(pool.adjust({.threads = 0}), std::invalid_argument);
}

TEST(ThreadPoolTest, ACallThatAThreadHasIsNotDropped) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> ran = false;
    ThreadPool pool({.threads = 1});
    pool.call([&] { ran = true; }, [] { ADD_FAILURE() << "there was a thread for it"; });
    EXPECT_EQ(pool.drop_waiting(), 0U);
    pool.stop();
    EXPECT_TRUE(ran);
  }
}

TEST(ThreadPoolTest, KnowsItsOwnThreads) {
  ThreadPool pool;
  ThreadPool other;
  bool inside = false;
  bool elsewhere = true;
  pool.call([&] {
    inside = pool.on_own_thread();
    elsewhere = other.on_own_thread();
  });
  pool.wait();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(elsewhere);
  EXPECT_FALSE(pool.on_own_thread());
}

TEST(ThreadPoolTest, CallsMayComeFromManyThreadsAndFromItsOwn) {
  std::atomic<int> done = 0;
  ThreadPool pool({.threads = 4, .waiting = 100'000});
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 250; ++j) {
        pool.call([&] {
          pool.call([&] { ++done; });
          ++done;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  pool.wait();
  EXPECT_EQ(done, 2000);
}

}  // namespace
}  // namespace parley
