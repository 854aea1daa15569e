// `run` where nothing can be run, and what would never end: exceptions that say so.
#include "parley/stream/run.h"

#include <functional>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class RunTest : public testing_stream::StreamFixture {
 protected:
  static std::string what_it_says(const std::function<void()>& call) {
    try {
      call();
    } catch (const std::logic_error& error) {
      return error.what();
    }
    return "nothing";
  }
};

Task<int> seven() {
  co_return 7;
}

TEST_F(RunTest, InsideATaskItSaysThatOneIsRunning) {
  const auto body = [this]() -> Task<> {
    const char* const says = "run: a task is running on this thread";
    EXPECT_NE(what_it_says([] { run(seven()); }).find(says), std::string::npos);
    EXPECT_NE(what_it_says([this] { run(reactor, seven()); }).find(says), std::string::npos);
    co_await sleep(1ms);
    EXPECT_EQ(co_await seven(), 7) << "and the task goes on";
  };
  run(reactor, body());
}

TEST_F(RunTest, InsideACallbackItSaysThatItMayBlock) {
  std::string own, same;
  reactor.call_later(0s, [&] {
    own = what_it_says([] { run(seven()); });
    same = what_it_says([&] { run(reactor, seven()); });
  });
  turns(2);
  EXPECT_EQ(own.substr(0, 13), "run may block");
  EXPECT_EQ(same.substr(0, 13), "run may block");
}

TEST_F(RunTest, TheFirstOfNoTasksIsAnError) {
  const auto body = []() -> Task<> { co_await when_any(std::vector<Task<int>>()); };
  EXPECT_THROW(run(reactor, body()), std::invalid_argument);
  const auto all = []() -> Task<std::size_t> {
    const std::vector<int> answers = co_await when_all(std::vector<Task<int>>());
    co_return answers.size();
  };
  EXPECT_EQ(run(reactor, all()), 0U);
}

}  // namespace
}  // namespace parley
