#include "parley/process/child.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace parley {
namespace {

bool readable(int descriptor, int milliseconds) {
  pollfd interest{descriptor, POLLIN, 0};
  return ::poll(&interest, 1, milliseconds) == 1;
}

// Until it is let go: a child waits for the end of its parent's pipe.
class Gate {
 public:
  Gate() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Gate() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  void pass() {  // in the child
    ::close(ends_[1]);
    char byte = 0;
    while (::read(ends_[0], &byte, 1) > 0) {
    }
  }
  void open() { ::close(std::exchange(ends_[1], -1)); }

 private:
  int ends_[2];
};

TEST(ChildTest, ItsStatusIsWhatItsBodyAnswers) {
  EXPECT_EQ(Child([] { return 0; }).wait(), 0);
  EXPECT_EQ(Child([] { return 7; }).wait(), 7);
}

TEST(ChildTest, AnExceptionIsStatusOne) {
  EXPECT_EQ(Child([]() -> int { throw std::runtime_error("in the child"); }).wait(), 1);
  EXPECT_EQ(Child([]() -> int { throw 42; }).wait(), 1);
}

TEST(ChildTest, ASignalIsLessThanZero) {
  EXPECT_EQ(Child([] { return ::kill(::getpid(), SIGKILL); }).wait(), -SIGKILL);
}

TEST(ChildTest, ItsDescriptorTellsItsEnd) {
  Gate gate;
  Child child([&] {
    gate.pass();
    return 3;
  });
  EXPECT_FALSE(readable(child.fileno(), 0));
  EXPECT_EQ(child.poll(), std::nullopt);
  gate.open();
  EXPECT_TRUE(readable(child.fileno(), 30'000));
  EXPECT_EQ(child.poll(), 3);
  EXPECT_EQ(child.poll(), 3);
  EXPECT_EQ(child.fileno(), -1);
}

TEST(ChildTest, AnotherChildIsLeftToWhomItBelongs) {
  const pid_t other = ::fork();
  if (other == 0) ::_exit(9);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(other), &info, WEXITED | WNOWAIT), 0);  // it has ended
  EXPECT_EQ(Child([] { return 4; }).wait(), 4);
  int status = 0;
  EXPECT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(WEXITSTATUS(status), 9);
}

TEST(ChildTest, NothingIsPrintedTwiceAndNothingIsLost) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int kept = ::dup(STDOUT_FILENO);
  std::fflush(stdout);
  ::dup2(ends[1], STDOUT_FILENO);  // a pipe: stdout is buffered
  std::printf("before ");
  std::cout << "fork ";
  Child child([] {
    std::cout << "child ";
    return 0;
  });
  child.wait();
  std::printf("after");
  std::fflush(stdout);
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  ::close(ends[1]);
  std::string printed(200, '\0');
  printed.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], printed.data(), 200))));
  ::close(ends[0]);
  EXPECT_EQ(printed, "before fork child after");
}

int at_exit = -1;

TEST(ChildTest, LeavesNoDestructorAndNoAtexitHandlerToRun) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  at_exit = ends[1];
  std::atexit([] {
    if (at_exit >= 0) static_cast<void>(::write(at_exit, "yy", 2) == 2);
  });
  struct Writes {
    int to;
    ~Writes() { EXPECT_EQ(::write(to, "x", 1), 1); }
  };
  {
    const Writes once{ends[1]};
    Child([] { return 0; }).wait();
  }
  at_exit = -1;
  ::close(ends[1]);
  char bytes[4];
  EXPECT_EQ(::read(ends[0], bytes, sizeof bytes), 1);
  ::close(ends[0]);
}

TEST(ChildTest, WhereSigchldIsIgnoredItsEndIsTold) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  Child child([] { return 5; });
  EXPECT_EQ(child.wait(), 0);  // nobody is told which status it was
  std::signal(SIGCHLD, before);
}

TEST(ChildTest, WithoutADescriptorThereIsNoChild) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(Child([] { return 0; }), std::system_error);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

}  // namespace
}  // namespace parley
