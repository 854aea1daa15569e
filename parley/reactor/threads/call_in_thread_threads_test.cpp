#include <atomic>
#include <chrono>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "parley/base/recording_log_fixture.h"
#include "parley/process/thread_pool.h"
#include "parley/reactor/reactor.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CallInThread : public testing::Test {
 protected:
  void make(const ThreadPoolSettings& threads) {
    reactor_ =
        std::make_unique<Reactor>(Reactor::automatic, ReactorSettings{.log = &log_, .threads = threads});
  }
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_->turn(20ms);
    }
    return true;
  }

  RecordingLog log_;
  std::unique_ptr<Reactor> reactor_ = std::make_unique<Reactor>(
      Reactor::automatic, ReactorSettings{.log = &log_, .threads = {.threads = 2, .waiting = 3}});
};

TEST_F(CallInThread, TheResultComesBackToTheLoop) {
  const std::thread::id loop = std::this_thread::get_id();
  std::unique_ptr<std::string> result;
  reactor_->call_in_thread(
      [loop] {
        EXPECT_NE(std::this_thread::get_id(), loop);
        return std::make_unique<std::string>("done");
      },
      [&](Outcome<std::unique_ptr<std::string>> outcome) {
        EXPECT_EQ(std::this_thread::get_id(), loop);
        EXPECT_TRUE(outcome);
        EXPECT_EQ(outcome.error(), nullptr);
        result = outcome.get();
      });
  EXPECT_EQ(result, nullptr);
  ASSERT_TRUE(until([&] { return result != nullptr; }));
  EXPECT_EQ(*result, "done");
  bool told = false;
  reactor_->call_in_thread([] {}, [&](Outcome<void> outcome) { told = static_cast<bool>(outcome); });
  EXPECT_TRUE(until([&] { return told; }));
}

TEST_F(CallInThread, AnExceptionComesBackToo) {
  std::string what;
  reactor_->call_in_thread([]() -> int { throw std::runtime_error("oh no"); },
                           [&](Outcome<int> outcome) {
                             EXPECT_FALSE(outcome);
                             EXPECT_NE(outcome.error(), nullptr);
                             try {
                               outcome.get();
                             } catch (const std::runtime_error& error) {
                               what = error.what();
                             }
                           });
  ASSERT_TRUE(until([&] { return !what.empty(); }));
  EXPECT_EQ(what, "oh no");
  EXPECT_THAT(log_.lines, IsEmpty());
  std::exception_ptr escaped;
  reactor_->on_error([&](const std::exception_ptr& error) { escaped = error; });
  reactor_->call_in_thread([] { throw std::runtime_error("nobody asks"); });
  ASSERT_TRUE(until([&] { return escaped != nullptr; }));
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("nobody asks")));
}

// Counts those that live; each must end in the thread that it belongs to.
struct Held {
  explicit Held(std::atomic<int>& living) : count(&living) { ++*count; }
  Held(const Held& other) : count(other.count), ends_in(other.ends_in) { ++*count; }
  Held& operator=(const Held&) = delete;
  ~Held() {
    --*count;
    if (ends_in != std::thread::id()) {
      EXPECT_EQ(std::this_thread::get_id(), ends_in);
    }
  }
  std::atomic<int>* count;
  std::thread::id ends_in{};
};

TEST_F(CallInThread, WhatTheCallbackHoldsEndsInTheLoop) {
  make({.threads = 4, .waiting = 1000});
  std::atomic<int> works = 0, thens = 0;
  int told = 0;
  for (int i = 0; i < 300; ++i) {
    Held then(thens);
    then.ends_in = std::this_thread::get_id();
    reactor_->call_in_thread([held = Held(works)] { return held.count->load(); },
                             [&told, then](Outcome<int>) { ++told; });
  }
  ASSERT_TRUE(until([&] { return told == 300; }));
  EXPECT_EQ(works, 0);
  EXPECT_EQ(thens, 0);
}

TEST_F(CallInThread, OneTooManyIsRefused) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  int told = 0;
  for (int i = 0; i < 5; ++i) {
    reactor_->call_in_thread([released] { released.wait(); }, [&](Outcome<void>) { ++told; });
  }
  EXPECT_THROW(reactor_->call_in_thread([] {}), ThreadPoolFull);
  EXPECT_EQ(reactor_->thread_pool().threads(), 2U);
  release.set_value();
  EXPECT_TRUE(until([&] { return told == 5; }));
}

TEST_F(CallInThread, StoppingWaitsForWhatHasBegunAndTellsWhatHasNot) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<std::string> told;
  for (int i = 0; i < 5; ++i) {
    reactor_->call_in_thread([released] { released.wait(); },
                             [&](Outcome<void> outcome) {
                               try {
                                 outcome.get();
                                 told.emplace_back("done");
                               } catch (const ThreadPoolStopped& error) {
                                 told.emplace_back(error.what());
                                 if (told.size() == 3) release.set_value();
                               }
                             });
  }
  ASSERT_TRUE(until([&] { return reactor_->thread_pool().running() == 2; }));
  bool refused = false;
  reactor_->on_stop(Stopping::during, [&] {
    try {
      reactor_->call_in_thread([] {});
    } catch (const ThreadPoolStopped&) {
      refused = true;
    }
  });
  reactor_->stop(20s);
  reactor_->run();
  EXPECT_TRUE(refused);
  const auto dropped = HasSubstr("dropped before it began");
  EXPECT_THAT(told, ElementsAre(dropped, dropped, dropped, "done", "done"));
  EXPECT_THAT(log_.lines, IsEmpty());
  bool again = false;  // a reactor may run again
  reactor_->call_in_thread([] {}, [&](Outcome<void>) { again = true; });
  EXPECT_TRUE(until([&] { return again; }));
}

TEST_F(CallInThread, WhatTakesLongerThanTheDrainIsWaitedForWhenTheReactorGoes) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> ended = false;
  bool told = false;
  reactor_->call_in_thread(
      [&, released] {
        released.wait();
        ended = true;
      },
      [&](Outcome<void>) { told = true; });
  ASSERT_TRUE(until([&] { return reactor_->thread_pool().running() == 1; }));
  reactor_->stop(0s);
  reactor_->run();
  EXPECT_FALSE(ended);
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("1 calls still run in threads")));
  std::thread opener([&] { release.set_value(); });
  reactor_.reset();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(told);
  opener.join();
}

TEST_F(CallInThread, AReactorThatGoesInTheMiddleLeavesNoThread) {
  std::atomic<int> living = 0;
  for (int i = 0; i < 5; ++i) {
    reactor_->call_in_thread([held = Held(living)] {}, [held = Held(living)](Outcome<void>) {});
  }
  reactor_.reset();
  EXPECT_EQ(living, 0);
}

}  // namespace
}  // namespace parley
