#include "parley/process/signals.h"

#include <cerrno>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdexcept>
#include <thread>

namespace parley {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

bool readable(int descriptor) {
  pollfd interest{descriptor, POLLIN, 0};
  return ::poll(&interest, 1, 0) == 1;
}

volatile std::sig_atomic_t seen_by_older_handler = 0;
extern "C" void older_handler(int) {
  seen_by_older_handler = 1;
}

TEST(SignalsTest, ASignalCanBeReadOnce) {
  Signals signals({Signal::interrupt, Signal::terminate});
  EXPECT_FALSE(readable(signals.fileno()));
  EXPECT_THAT(signals.take(), IsEmpty());
  std::raise(SIGTERM);
  EXPECT_TRUE(readable(signals.fileno()));
  EXPECT_THAT(signals.take(), ElementsAre(Signal::terminate));
  EXPECT_FALSE(readable(signals.fileno()));
}

TEST(SignalsTest, SeveralAreToldOnceEach) {
  Signals signals({Signal::user1, Signal::user2});
  for (int i = 0; i < 300; ++i) std::raise(i % 2 == 0 ? SIGUSR1 : SIGUSR2);
  EXPECT_THAT(signals.take(), UnorderedElementsAre(Signal::user1, Signal::user2));
  EXPECT_THAT(signals.take(), IsEmpty());
}

TEST(SignalsTest, MoreThanAPipeHoldsBlockNobodyAndHideNothing) {
  Signals signals({Signal::user1, Signal::user2});
  for (int i = 0; i < 70000; ++i) std::raise(SIGUSR1);
  std::raise(SIGUSR2);
  EXPECT_THAT(signals.take(), ElementsAre(Signal::user1, Signal::user2));
  EXPECT_FALSE(readable(signals.fileno()));
}

TEST(SignalsTest, WhatWasThereBeforeComesBack) {
  std::signal(SIGUSR1, older_handler);
  {
    Signals signals({Signal::user1});
    std::raise(SIGUSR1);
    EXPECT_EQ(seen_by_older_handler, 0);
  }
  std::raise(SIGUSR1);
  EXPECT_EQ(seen_by_older_handler, 1);
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(SignalsTest, OneObjectAtATimeCatchesASignal) {
  Signals first({Signal::user1});
  EXPECT_THROW(Signals({Signal::user2, Signal::user1}), std::logic_error);
  std::raise(SIGUSR1);
  EXPECT_THAT(first.take(), ElementsAre(Signal::user1));
  Signals second({Signal::user2});  // what the failed one had taken, it gave back
  std::raise(SIGUSR2);
  EXPECT_THAT(second.take(), ElementsAre(Signal::user2));
}

TEST(SignalsTest, WhatOneHasNotTakenIsNotToldToTheNext) {
  {
    Signals first({Signal::user1});
    std::raise(SIGUSR1);
  }
  Signals second({Signal::user1});
  EXPECT_THAT(second.take(), IsEmpty());
}

TEST(SignalsTest, TheHandlerKeepsErrno) {
  Signals signals({Signal::user1});
  for (int i = 0; i < 70000; ++i) std::raise(SIGUSR1);  // its write fails: the pipe is full
  errno = ERANGE;
  std::raise(SIGUSR1);
  EXPECT_EQ(errno, ERANGE);
}

TEST(SignalsTest, OneThatIsIgnoredDoesNothing) {
  ignore_signal(Signal::broken_pipe);
  std::raise(SIGPIPE);
  std::signal(SIGPIPE, SIG_DFL);
  ignore_signal(Signal::file_size);
  std::raise(SIGXFSZ);
  std::signal(SIGXFSZ, SIG_DFL);
}

TEST(SignalsTest, AThreadsSignalArrivesToo) {
  Signals signals({Signal::user1});
  std::thread([] { std::raise(SIGUSR1); }).join();
  EXPECT_THAT(signals.take(), ElementsAre(Signal::user1));
}

TEST(SignalsTest, Prints) {
  EXPECT_EQ(concat(Signal::interrupt), "SIGINT");
  EXPECT_EQ(concat(Signal::broken_pipe), "SIGPIPE");
  EXPECT_EQ(concat(Signal::file_size), "SIGXFSZ");
}

}  // namespace
}  // namespace parley
