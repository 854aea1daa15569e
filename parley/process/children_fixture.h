#pragma once

// For tests alone: children that were left running.

#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "parley/process/child.h"

namespace parley {

// Ends one.
inline void end_left_child(int pid) {
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
}

// Whether there are none, not even such as have ended and nobody has waited for.
inline bool no_child_is_left() {
  return ::waitpid(-1, nullptr, WNOHANG | WNOWAIT) == -1;
}

// Waits for those that run on; they end with their stdin. Their descriptors go with the next child.
inline void let_go_of_dropped() {
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
  Child([] { return 0; }).wait();
}

}  // namespace parley
