// `run` on several threads.
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <thread>

#include "parley/stream/run.h"
#include "parley/stream/sleep.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

Task<int> seven() {
  co_await sleep(1ms);
  co_return 7;
}

// What a `run` on another thread answers or says, while this one is inside its own.
template <class Call>
Task<> beside(Call call, std::string& said) {
  std::thread other([&] {
    try {
      said = std::to_string(call());
    } catch (const std::logic_error& error) {
      said = error.what();
    }
  });
  other.join();
  co_return;
}

TEST(RunThreadsTest, SignalsAreForOneAtATimeAndTheOtherIsToldSo) {
  std::string said;
  const auto call = [] { return run(seven()); };
  run(beside(call, said));
  EXPECT_NE(said.find("RunSettings::signals = false"), std::string::npos) << said;
}

TEST(RunThreadsTest, WithoutSignalsTheyRunSideBySide) {
  std::string said;
  const auto call = [] {
    RunSettings settings;
    settings.signals = false;
    return run(seven(), settings);
  };
  run(beside(call, said));
  EXPECT_EQ(said, "7");
}

TEST(RunThreadsTest, AReactorIsRunOnTheThreadThatMadeIt) {
  Reactor reactor;
  std::string said;
  std::thread other([&] {
    try {
      run(reactor, seven());
    } catch (const std::logic_error& error) {
      said = error.what();
    }
  });
  other.join();
  EXPECT_EQ(said, "run: a reactor runs on the thread that made it");
  EXPECT_EQ(run(reactor, seven()), 7);
}

}  // namespace
}  // namespace parley
