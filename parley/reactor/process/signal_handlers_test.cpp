#include "parley/reactor/process/signal_handlers.h"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/base/print.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/reactor.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

volatile std::sig_atomic_t older_handler_ran = 0;
extern "C" void older_signal_handler(int) {
  older_handler_ran = 1;
}

class OnSignal : public testing::TestWithParam<Reactor::Kind> {
 protected:
  void turns() {
    for (int i = 0; i < 3; ++i) reactor_.turn(0ms);
  }
  auto note(const std::string& what) {
    return [this, what] { told_.push_back(what); };
  }

  RecordingLog log_;
  Reactor reactor_{GetParam(), ReactorSettings{.log = &log_}};
  std::vector<std::string> told_;
};

INSTANTIATE_TEST_SUITE_P(Over, OnSignal, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select),
                         [](const auto& kind) {
                           return kind.param == Reactor::epoll  ? "epoll"
                                  : kind.param == Reactor::poll ? "poll"
                                                                : "select";
                         });

TEST_P(OnSignal, ComesInTheLoopEachTime) {
  reactor_.on_signal(Signal::user1, note("first"));
  reactor_.on_signal(Signal::user1, [this](Signal signal) { told_.push_back(concat("second, ", signal)); });
  reactor_.on_signal(Signal::user2, note("other"));
  std::raise(SIGUSR1);
  EXPECT_THAT(told_, IsEmpty());
  turns();
  EXPECT_THAT(told_, ElementsAre("first", "second, SIGUSR1"));
  std::raise(SIGUSR2);
  turns();
  std::raise(SIGUSR1);
  turns();
  EXPECT_THAT(told_, ElementsAre("first", "second, SIGUSR1", "other", "first", "second, SIGUSR1"));
}

TEST_P(OnSignal, WhatIsStoppedIsNotCalledAndTheProcessDoesAsBefore) {
  std::signal(SIGUSR1, older_signal_handler);
  older_handler_ran = 0;
  SignalHandler first = reactor_.on_signal(Signal::user1, note("first"));
  SignalHandler second = reactor_.on_signal(Signal::user1, note("second"));
  first.stop();
  first.stop();
  std::raise(SIGUSR1);
  turns();
  EXPECT_THAT(told_, ElementsAre("second"));
  std::raise(SIGUSR1);
  second.stop();  // it has come, but is not told any more
  turns();
  EXPECT_THAT(told_, ElementsAre("second"));
  EXPECT_EQ(older_handler_ran, 0);
  std::raise(SIGUSR1);
  EXPECT_EQ(older_handler_ran, 1);
  std::signal(SIGUSR1, SIG_DFL);
  SignalHandler().stop();
}

TEST_P(OnSignal, ACallbackMayStopItselfAndOthersAndAddNewOnes) {
  SignalHandler self, other;
  self = reactor_.on_signal(Signal::user1, [&, held = std::string(100, 'x')] {
    self.stop();
    other.stop();
    reactor_.on_signal(Signal::user1, note("new"));
    told_.push_back(held.substr(0, 4));
  });
  other = reactor_.on_signal(Signal::user1, note("other"));
  std::raise(SIGUSR1);
  turns();
  EXPECT_THAT(told_, ElementsAre("xxxx"));
  std::raise(SIGUSR1);
  turns();
  EXPECT_THAT(told_, ElementsAre("xxxx", "new"));
}

TEST_P(OnSignal, TheLastOneMayStopItself) {
  std::signal(SIGUSR1, SIG_IGN);
  SignalHandler self;
  self = reactor_.on_signal(Signal::user1, [&] {
    told_.emplace_back("last");
    self.stop();
  });
  std::raise(SIGUSR1);
  turns();
  std::raise(SIGUSR1);
  turns();
  EXPECT_THAT(told_, ElementsAre("last"));
  std::signal(SIGUSR1, SIG_DFL);
}

TEST_P(OnSignal, AnExceptionIsOneCallbacksOwn) {
  reactor_.on_signal(Signal::user1, [] { throw std::runtime_error("oh no"); });
  reactor_.on_signal(Signal::user1, note("next"));
  std::raise(SIGUSR1);
  turns();
  EXPECT_THAT(told_, ElementsAre("next"));
  EXPECT_THAT(log_.lines, Contains(HasSubstr("oh no")));
}

TEST_P(OnSignal, OneReactorAtATimeCatchesASignal) {
  SignalHandler here = reactor_.on_signal(Signal::user1, note("here"));
  Reactor other(GetParam());
  EXPECT_THROW(other.on_signal(Signal::user1, [] {}), std::logic_error);
  here.stop();
  other.on_signal(Signal::user1, [] {});
  EXPECT_THROW(reactor_.on_signal(Signal::user1, [] {}), std::logic_error);
}

TEST_P(OnSignal, ItLastsUntilTheReactorGoesAndWhatComesBetweenRunsIsTold) {
  std::signal(SIGUSR1, older_signal_handler);
  older_handler_ran = 0;
  {
    Reactor reactor(GetParam());
    int stops = 0;
    reactor.on_signal(Signal::user1, [&] {
      ++stops;
      reactor.stop();
    });
    std::raise(SIGUSR1);
    reactor.run();
    std::raise(SIGUSR1);
    reactor.run();
    EXPECT_EQ(stops, 2);
  }
  EXPECT_EQ(older_handler_ran, 0);
  std::raise(SIGUSR1);
  EXPECT_EQ(older_handler_ran, 1);
  std::signal(SIGUSR1, SIG_DFL);
}

}  // namespace
}  // namespace parley
