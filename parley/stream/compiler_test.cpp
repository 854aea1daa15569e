// What g++ 12 gets wrong in coroutines, in the forms that parley/stream is built to keep right: compiled and
// run by every build, at -O0 here and at -O2 in compiler_optimized_test.cpp. Each counts what is made and
// what is destroyed.

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>

#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

class CompilerTest : public testing_stream::StreamFixture {};

// A parameter struct with a constructor: without one g++ 12 destroys its members twice.
struct Parameters {
  Parameters() {}
  std::string name = "a name that is too long to stand inside of the string itself";
  std::shared_ptr<int> shared = std::make_shared<int>(1);
  Alive alive;
};

Task<std::size_t> takes(Parameters parameters) {
  co_await sleep(1ms);
  co_return parameters.name.size() + static_cast<std::size_t>(parameters.shared.use_count());
}

TEST_F(CompilerTest, AParameterStructWithAConstructorMadeInTheExpression) {
  const auto body = []() -> Task<> {
    const std::size_t size = co_await takes(Parameters());
    EXPECT_EQ(size, Parameters().name.size() + 1);
    EXPECT_EQ(Alive::count, 0);
  };
  run(reactor, body());
}

TEST_F(CompilerTest, ServeSettingsMadeInTheExpression) {
  const auto handler = [](Stream peer) -> Task<> { (void)co_await peer.read(); };
  const auto body = [&]() -> Task<> {
    co_await within(1s, serve_tcp({"127.0.0.1", 0}, handler, ServeSettings()));
  };
  run(reactor, body());
}

TEST_F(CompilerTest, AwaitersOfFactoriesAndWhatTheyHold) {
  const auto held = std::make_shared<int>(1);
  const auto body = [&held]() -> Task<> {
    Queue<std::shared_ptr<int>> queue(2);
    co_await queue.put(held);
    co_await with_timeout(1s, queue.put(held));
    EXPECT_EQ(held.use_count(), 3);
    const auto full = co_await as_result(with_timeout(1s, queue.put(held)));
    EXPECT_FALSE(full);
    EXPECT_EQ(held.use_count(), 3);
    const auto one = co_await queue.get();
    const auto two = co_await with_timeout(1s, queue.get());
    EXPECT_EQ(held.use_count(), 3);
  };
  run(reactor, body());
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(CompilerTest, TemporariesOfTheExpressionAreDestroyedOnce) {
  const auto held = std::make_shared<int>(1);
  const auto waits = [](std::shared_ptr<int> value, std::string) -> Task<std::shared_ptr<int>> {
    co_await sleep(1ms);
    co_return value;
  };
  const auto body = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      const auto back =
          co_await with_timeout(1s, waits(std::shared_ptr<int>(held), std::string(100, 'x') + "y"));
      EXPECT_EQ(held.use_count(), 2);
    }
  };
  run(reactor, body());
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(CompilerTest, ALambdaWithCapturesThatStandsInAVariable) {
  const auto held = std::make_shared<int>(1);
  const auto body = [&]() -> Task<> {
    const auto inner = [held]() -> Task<int> {
      co_await sleep(1ms);
      co_return *held;
    };
    const int value = co_await inner();
    EXPECT_EQ(value, 1);
    EXPECT_EQ(held.use_count(), 2);
  };
  run(reactor, body());
  EXPECT_EQ(held.use_count(), 1);
}

Task<bool> yes() {
  const Alive alive;
  co_return true;
}

// A body that declares no variable in its outermost block, and awaits in the condition of an `if`, `while` or
// `for`, g++ 12 leaves out: it never runs at all. A variable anywhere before it, or in the condition, is
// enough.
TEST_F(CompilerTest, AConditionThatDeclaresItsAnswer) {
  const auto body = []() -> Task<int> {
    int seen = 0;
    if (const bool well = co_await yes()) seen += well ? 1 : 100;
    while (const bool well = co_await yes()) {
      seen += 10;
      if (well && seen > 20) break;
    }
    const bool well = co_await yes();
    if (well) co_return seen + 100;
    co_return -1;
  };
  EXPECT_EQ(run(reactor, body()), 121);
}

TEST_F(CompilerTest, ASwitchOverAVariable) {
  const auto three = []() -> Task<int> { co_return 3; };
  const auto body = [&three]() -> Task<std::string> {
    const int value = co_await three();
    switch (value) {
      case 3:
        co_return "three";
      default:
        co_return "another";
    }
  };
  EXPECT_EQ(run(reactor, body()), "three");
}

TEST_F(CompilerTest, AnExceptionLeavesThroughManyFrames) {
  struct Thrower {
    static Task<> down(int more) {
      const Alive alive;
      if (more == 0) throw std::runtime_error("bottom");
      co_await down(more - 1);
    }
  };
  EXPECT_THROW(run(reactor, Thrower::down(1000)), std::runtime_error);
}

}  // namespace
}  // namespace parley
