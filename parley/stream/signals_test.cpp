#include "parley/stream/signals.h"

#include <gtest/gtest.h>
#include <stdexcept>

#include "parley/stream/run.h"

namespace parley {
namespace {

// A signal is caught for one reactor at a time: so it is found out whether this one still does.
bool is_free(Reactor& other, Signal signal) {
  try {
    other.on_signal(signal, [] {}).stop();
    return true;
  } catch (const std::logic_error&) {
    return false;
  }
}

TEST(SignalReceiving, LastsForAsLongAsTheReceiver) {
  Reactor reactor;
  Reactor other;
  const auto body = [&]() -> Task<> {
    {
      const SignalReceiver signals({Signal::user1, Signal::user2});
      EXPECT_FALSE(is_free(other, Signal::user1));
      EXPECT_FALSE(is_free(other, Signal::user2));
    }
    EXPECT_TRUE(is_free(other, Signal::user1));
    EXPECT_TRUE(is_free(other, Signal::user2));
    co_return;
  };
  run(reactor, body());
}

TEST(SignalReceiving, OneThatCannotHaveAllHasNone) {
  Reactor reactor;
  Reactor other;
  SignalHandler taken = other.on_signal(Signal::user2, [] {});
  const auto body = [&]() -> Task<> {
    EXPECT_THROW(SignalReceiver({Signal::user1, Signal::user2}), std::logic_error);
    EXPECT_TRUE(is_free(other, Signal::user1));
    co_return;
  };
  run(reactor, body());
  taken.stop();
}

}  // namespace
}  // namespace parley
