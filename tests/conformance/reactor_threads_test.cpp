// Rule 10, and what other threads may do: post and stop.

#include <chrono>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/conformance/actor.h"
#include "tests/conformance/outside.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

// On the machine's clock, but for the back end in memory, which has its own.
class Threads : public testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    outside_ = Outside::make(GetParam());
    ReactorSettings settings;
    if (GetParam().memory) settings.clock = &outside_->clock();
    reactor_ = GetParam().memory ? std::make_unique<Reactor>(outside_->backend(), settings)
                                 : std::make_unique<Reactor>(GetParam().kind, settings);
  }

  std::unique_ptr<Outside> outside_;
  std::unique_ptr<Reactor> reactor_;
};

std::vector<Setup> some_setups() {
  std::vector<Setup> some;
  for (const Setup& setup : all_setups()) {
    if (!setup.memory || setup.name == "memory_calm" || setup.name == "memory_rough1") some.push_back(setup);
  }
  return some;
}
INSTANTIATE_TEST_SUITE_P(Over, Threads, testing::ValuesIn(some_setups()),
                         [](const auto& setup) { return setup.param.name; });

TEST_P(Threads, Rule10_AReactorRunsOnTheThreadThatMadeIt) {
  bool refused = false;
  std::thread other([&] {
    try {
      reactor_->run();
    } catch (const std::logic_error&) {
      refused = true;
    }
  });
  other.join();
  EXPECT_TRUE(refused);
  reactor_->stop(0s);
  reactor_->run();
}

TEST_P(Threads, PostsOfEachThreadComeInOrderAndOnTheLoopsThread) {
  constexpr int threads = 4;
  constexpr int posts = 2000;
  std::vector<std::vector<int>> heard(threads);
  int left = threads * posts;
  const std::thread::id here = std::this_thread::get_id();
  std::vector<std::thread> others;
  for (int t = 0; t < threads; ++t) {
    others.emplace_back([&, t] {
      for (int i = 0; i < posts; ++i) {
        reactor_->post([&, t, i] {
          EXPECT_EQ(std::this_thread::get_id(), here);
          heard[static_cast<std::size_t>(t)].push_back(i);
          if (--left == 0) reactor_->stop(0s);
        });
      }
    });
  }
  reactor_->run();
  for (std::thread& other : others) other.join();
  for (const std::vector<int>& numbers : heard) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(posts));
    for (int i = 0; i < posts; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)], i);
  }
}

// Again and again, so that posts meet the loop before, in and after its wait.
TEST_P(Threads, APostWakesALoopThatWaits) {
  for (int round = 0; round < 200; ++round) {
    bool called = false;
    std::thread other([&] {
      reactor_->post([&] {
        called = true;
        reactor_->stop(0s);
      });
    });
    reactor_->run();
    other.join();
    EXPECT_TRUE(called);
  }
}

TEST_P(Threads, StopFromAnotherThreadEndsEverything) {
  Story story;
  int port = 0;
  if (GetParam().memory) port = 7;  // any: ports are its own
  port = reactor_->listen_tcp({"127.0.0.1", port}, [&] { return std::make_unique<Actor>(story, Script{}); })
             .host()
             .port();
  const std::unique_ptr<Peer> peer = outside_->connect({"127.0.0.1", port});
  for (int turns = 0; !story.made() && turns < 1000; ++turns) reactor_->turn(10ms);
  std::thread other([&] { reactor_->stop(20ms); });
  reactor_->run();
  other.join();
  EXPECT_TRUE(story.lost());
  EXPECT_TRUE(story.destroyed);
}

TEST_P(Threads, StopBeforeRunFromAnotherThread) {
  std::thread other([&] { reactor_->stop(); });
  other.join();
  reactor_->run();
}

// A reactor goes with the function that runs it, while who stopped it is still on its way out of `stop`: this
// one looks for posts in each turn, and needs no waking. What is done too late is seen by the thread
// sanitizer alone.
TEST_P(Threads, AReactorMayGoAsSoonAsItHasStopped) {
  for (int i = 0; i < 50; ++i) {
    std::promise<Reactor*> made;
    std::thread other([&made, setup = GetParam()] {
      const std::unique_ptr<Outside> outside = Outside::make(setup);
      ReactorSettings settings;
      if (setup.memory) settings.clock = &outside->clock();
      Reactor reactor(outside->backend(), settings);
      const std::function<void()> again = [&] { reactor.post(again); };
      again();
      made.set_value(&reactor);
      reactor.run();
    });
    made.get_future().get()->stop(0s);
    other.join();
  }
}

// What is posted to a reactor that goes is dropped with it.
TEST_P(Threads, PostsThatNobodyRunsAreDestroyed) {
  const auto held = std::make_shared<int>(1);
  std::thread other([&] { reactor_->post([held] { ADD_FAILURE(); }); });
  other.join();
  EXPECT_EQ(held.use_count(), 2);
  reactor_.reset();
  EXPECT_EQ(held.use_count(), 1);
}

// Each thread has a reactor of its own, at the same time.
TEST_P(Threads, ManyReactors) {
  std::vector<std::thread> others;
  for (int t = 0; t < 4; ++t) {
    others.emplace_back([setup = GetParam()] {
      const std::unique_ptr<Outside> outside = Outside::make(setup);
      ReactorSettings settings;
      if (setup.memory) settings.clock = &outside->clock();
      Reactor reactor(outside->backend(), settings);
      int calls = 0;
      std::function<void()> again = [&] {
        if (++calls == 50) return reactor.stop(0s);
        reactor.call_later(100us, again);
      };
      again();
      reactor.run();
      EXPECT_EQ(calls, 50);
    });
  }
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace parley::conformance
