#include "parley/process/child.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "parley/process/after_fork_fixture.h"

namespace parley {
namespace {

constexpr ProcessStatus exited(int status) {
  return ProcessStatus(ProcessStatus::Kind::exited, status);
}

bool readable(int descriptor, int milliseconds) {
  pollfd interest{descriptor, POLLIN, 0};
  return ::poll(&interest, 1, milliseconds) == 1;
}

// Until it is let go: a child waits for the end of its parent's pipe.
class Latch {
 public:
  Latch() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Latch() {
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
  EXPECT_EQ(Child([] { return 0; }).wait().exit_code(), 0);
  EXPECT_EQ(Child([] { return 7; }).wait().exit_code(), 7);
}

TEST(ChildTest, AnExceptionIsStatusOne) {
  EXPECT_EQ(Child([]() -> int { throw std::runtime_error("in the child"); }).wait().exit_code(), 1);
  EXPECT_EQ(Child([]() -> int { throw 42; }).wait().exit_code(), 1);
}

TEST(ChildTest, ASignalIsLessThanZero) {
  EXPECT_EQ(Child([] { return ::kill(::getpid(), SIGKILL); }).wait().signal(), SIGKILL);
}

TEST(ChildTest, ItsDescriptorTellsItsEnd) {
  Latch latch;
  Child child([&] {
    latch.pass();
    return 3;
  });
  EXPECT_FALSE(readable(child.fileno(), 0));
  EXPECT_EQ(child.poll(), std::nullopt);
  latch.open();
  EXPECT_TRUE(readable(child.fileno(), 30'000));
  EXPECT_EQ(child.poll(), exited(3));
  EXPECT_EQ(child.poll(), exited(3));
  EXPECT_EQ(child.fileno(), -1);
}

TEST(ChildTest, AnotherChildIsLeftToWhomItBelongs) {
  const pid_t other = ::fork();
  if (other == 0) ::_exit(9);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(other), &info, WEXITED | WNOWAIT), 0);  // it has ended
  EXPECT_EQ(Child([] { return 4; }).wait().exit_code(), 4);
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

constexpr ProcessStatus unknown(ProcessStatus::Kind::unknown);

TEST(ChildTest, WhereSigchldIsIgnoredNobodyKnowsItsStatus) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  for (const int status : {0, 5}) {
    Child child([status] { return status; });
    EXPECT_EQ(child.wait(), unknown);
    EXPECT_EQ(child.poll(), unknown);
    EXPECT_EQ(child.fileno(), -1);
  }
  std::signal(SIGCHLD, before);
}

TEST(ChildTest, WhereNoChildMayBeAZombieNobodyKnowsItsStatus) {
  struct sigaction none{}, before{};
  none.sa_handler = SIG_DFL;
  none.sa_flags = SA_NOCLDWAIT;
  ASSERT_EQ(::sigaction(SIGCHLD, &none, &before), 0);
  EXPECT_EQ(Child([] { return 0; }).wait(), unknown);
  ::sigaction(SIGCHLD, &before, nullptr);
}

TEST(ChildTest, WhereSomebodyElseHasWaitedNobodyKnowsItsStatus) {
  Latch latch;  // one that ends at once may have been waited for by its constructor
  Child child([&] {
    latch.pass();
    return 0;
  });
  latch.open();
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid(), &status, 0), child.pid());
  EXPECT_TRUE(readable(child.fileno(), 30'000));
  EXPECT_EQ(child.poll(), unknown);
  EXPECT_FALSE(child.kill());
}

TEST(ChildTest, NoneIsGoneBeforeItsDescriptorIsTaken) {
  bool taken = false;
  const AfterFork somebody([&](pid_t pid) {  // waits for every child that has ended, a tenth of a second long
    for (int i = 0; i < 100 && !taken; ++i) {
      taken = ::waitpid(pid, nullptr, WNOHANG) == pid;
      ::usleep(1000);
    }
  });
  Child child([] { return 6; });
  EXPECT_FALSE(taken);
  EXPECT_EQ(child.wait(), exited(6));
}

TEST(ChildTest, OneThatWasKilledBeforeItsDescriptorCouldBeTakenIsUnknown) {
  const AfterFork somebody([](pid_t pid) {
    ::kill(pid, SIGKILL);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  });
  Child child([] { return 0; });
  EXPECT_EQ(child.fileno(), -1);
  EXPECT_EQ(child.poll(), unknown);
  EXPECT_FALSE(child.signal(0));
}

TEST(ChildTest, WhereTheLastDescriptorIsTakenMeanwhileTheChildDoesNotBegin) {
  int begun[2];
  ASSERT_EQ(::pipe(begun), 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  {
    const AfterFork somebody([&](pid_t) {
      rlimit none = before;
      none.rlim_cur = 0;
      EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    });
    EXPECT_THROW(Child([&]() -> int {
                   static_cast<void>(::write(begun[1], "x", 1) == 1);
                   return 0;
                 }),
                 std::system_error);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ::close(begun[1]);
  char byte = 0;
  EXPECT_EQ(::read(begun[0], &byte, 1), 0) << "it has begun";
  ::close(begun[0]);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

bool is_zombie(int pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(ChildTest, OneThatWasDroppedWhileItRanIsWaitedForWithTheNext) {
  const int next = Descriptor(::dup(STDIN_FILENO)).get();
  {
    Latch latch;
    std::optional<Child> dropped([&] {
      latch.pass();
      return 0;
    });
    const int pid = dropped->pid();
    Descriptor ended(::dup(dropped->fileno()));
    dropped.reset();
    EXPECT_EQ(Child([] { return 1; }).wait(), exited(1));
    latch.open();
    ASSERT_TRUE(readable(ended.get(), 30'000));
    EXPECT_TRUE(is_zombie(pid));
    EXPECT_EQ(Child([] { return 2; }).wait(), exited(2));
    EXPECT_FALSE(is_zombie(pid));
  }
  EXPECT_EQ(Descriptor(::dup(STDIN_FILENO)).get(), next) << "its descriptor is still open";
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(ChildTest, OneThatWasDroppedAfterItsEndIsWaitedForAtOnce) {
  {
    Latch latch;
    const Child dropped([&] {
      latch.pass();
      return 0;
    });
    latch.open();
    EXPECT_TRUE(readable(dropped.fileno(), 30'000));
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
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
