#include "parley/process/spawn.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "parley/base/print.h"
#include "parley/process/pipes.h"
#include "parley/process/signals.h"

namespace parley {
namespace {

using testing::HasSubstr;

// All that comes until the end; it waits for it.
std::string all_of(const Descriptor& pipe) {
  std::string text;
  std::array<char, 4096> memory;
  for (;;) {
    pollfd interest{pipe.get(), POLLIN, 0};
    if (::poll(&interest, 1, 30'000) != 1) return text + " (no end)";
    const Result<std::size_t> count = read_pipe(pipe.get(), memory);
    if (!count || *count == 0) return count ? text : text + count.error().message();
    text.append(memory.data(), *count);
  }
}

std::string output_of(const std::vector<std::string>& arguments, const SpawnSettings& settings = {}) {
  Spawned spawned = spawn(arguments, settings);
  spawned.input.reset();
  std::string text = all_of(spawned.output);
  EXPECT_EQ(spawned.child.wait().exit_code(), 0);
  EXPECT_EQ(all_of(spawned.error), "");
  return text;
}

std::string failure_of(const std::vector<std::string>& arguments, const SpawnSettings& settings = {}) {
  try {
    spawn(arguments, settings).child.kill();
  } catch (const std::system_error& error) {
    return error.what();
  }
  return "it was started";
}

TEST(SpawnTest, ThreePipesAndAStatus) {
  Spawned spawned = spawn({"/bin/sh", "-c", "read line; echo \"got $line\"; echo oops >&2; exit 7"}, {});
  EXPECT_EQ(spawned.child.poll(), std::nullopt);
  const Result<std::size_t> written = write_pipe(spawned.input.get(), "hello\n");
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 6U);
  EXPECT_EQ(all_of(spawned.output), "got hello\n");
  EXPECT_EQ(all_of(spawned.error), "oops\n");
  EXPECT_EQ(spawned.child.wait().exit_code(), 7);
  EXPECT_FALSE(spawned.child.kill());
}

TEST(SpawnTest, ArgumentsAndEnvironmentArriveAsTheyAre) {
  EXPECT_EQ(output_of({"printf", "%s|", "a b", "", "$HOME", "\"'"}), "a b||$HOME|\"'|");
  SpawnSettings settings;
  settings.env = {{"GREETING", "hello world"}, {"EMPTY", ""}};
  EXPECT_EQ(output_of({"/usr/bin/env"}, settings), "EMPTY=\nGREETING=hello world\n");
  settings.env->clear();
  EXPECT_EQ(output_of({"/usr/bin/env"}, settings), "");
  ::setenv("PARLEY_TEST_INHERITED", "yes", 1);
  EXPECT_THAT(output_of({"env"}), HasSubstr("PARLEY_TEST_INHERITED=yes\n"));
  ::unsetenv("PARLEY_TEST_INHERITED");
}

TEST(SpawnTest, ItsOwnDirectoryAndItsOwnProgram) {
  EXPECT_EQ(output_of({"pwd"}, {.cwd = "/"}), "/\n");
  EXPECT_EQ(output_of({"another name", "-c", "echo $0"}, {.executable = "/bin/sh"}), "another name\n");
}

TEST(SpawnTest, NullAndInherited) {
  EXPECT_EQ(output_of({"cat"}, {.input = ChildStream::null, .error = ChildStream::pipe}), "");
  Spawned quiet = spawn(
      {"true"}, {.input = ChildStream::null, .output = ChildStream::inherit, .error = ChildStream::inherit});
  EXPECT_FALSE(quiet.input);
  EXPECT_FALSE(quiet.output);
  EXPECT_FALSE(quiet.error);
  EXPECT_EQ(quiet.child.wait().exit_code(), 0);
}

TEST(SpawnTest, NoOtherDescriptorIsOpenInTheChild) {
  const Descriptor careless(::open("/dev/null", O_RDONLY));  // not closed on exec
  ASSERT_TRUE(careless);
  const Signals signals({Signal::user1});
  Spawned beside = spawn({"cat"}, {});
  EXPECT_EQ(output_of({"ls", "/proc/self/fd"}), "0\n1\n2\n3\n");  // 3 is the folder that ls reads
  beside.input.reset();
  EXPECT_EQ(beside.child.wait().exit_code(), 0);
}

TEST(SpawnTest, WhereOursAreClosedTheChildHasItsOwn) {
  const Descriptor kept_in(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 50));
  const Descriptor kept_error(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 50));
  ::close(STDIN_FILENO);
  ::close(STDERR_FILENO);
  Spawned spawned = spawn({"sh", "-c", "cat; echo err >&2"}, {});
  EXPECT_TRUE(write_pipe(spawned.input.get(), "in"));
  spawned.input.reset();
  const std::string out = all_of(spawned.output);
  const std::string error = all_of(spawned.error);
  spawned.child.wait();
  const std::string failure = failure_of({"/no/such/program"});
  ::dup2(kept_in.get(), STDIN_FILENO);
  ::dup2(kept_error.get(), STDERR_FILENO);
  EXPECT_EQ(out, "in");
  EXPECT_EQ(error, "err\n");
  EXPECT_EQ(failure, "spawn /no/such/program: No such file or directory");
}

TEST(SpawnTest, SignalsAreAsTheSystemMakesThem) {
  const Signals caught({Signal::user1});
  ignore_signal(Signal::broken_pipe);
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const std::string status = output_of({"cat", "/proc/self/status"});
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, &before, &after);
  std::signal(SIGPIPE, SIG_DFL);
  for (const std::string of : {"SigBlk", "SigIgn", "SigCgt"}) {
    EXPECT_THAT(status, HasSubstr(of + ":\t0000000000000000\n"));
  }
  EXPECT_EQ(::sigismember(&after, SIGTERM), 1) << "ours have changed";
  EXPECT_EQ(::sigismember(&after, SIGINT), 0) << "ours have changed";
}

TEST(SpawnTest, WhatCannotBeStartedSaysWhatAndWhy) {
  EXPECT_EQ(failure_of({"no-such-program"}),
            "spawn no-such-program (looked for in PATH): No such file or directory");
  EXPECT_EQ(failure_of({"/no/such/program"}), "spawn /no/such/program: No such file or directory");
  EXPECT_EQ(failure_of({"/etc/passwd"}), "spawn /etc/passwd: Permission denied");
  EXPECT_EQ(failure_of({"cat"}, {.cwd = "/no/such/folder"}),
            "spawn cat: working directory /no/such/folder: No such file or directory");
  EXPECT_EQ(failure_of({"cat"}, {.env = {{{"PATH", "/etc:/nowhere"}}}}),
            "spawn cat (looked for in PATH): No such file or directory");
  EXPECT_THROW(spawn({}, {}), std::invalid_argument);
  EXPECT_THROW(spawn({""}, {}), std::invalid_argument);
  EXPECT_THROW(spawn({"echo", std::string("a\0b", 3)}, {}), std::invalid_argument);
  EXPECT_THROW(spawn({"echo"}, {.env = {{{"A=B", "c"}}}}), std::invalid_argument);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

// A program that uses `select` cannot go on above 1024: our raised limit is not for it.
TEST(SpawnTest, ItsLimitOfDescriptorsIsTheOneThatWeHaveFound) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low{300, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  const std::vector<std::string> ask{"/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"};
  EXPECT_EQ(output_of(ask), concat("300\n", before.rlim_max, '\n'));
  // Whoever has set another one since wants that.
  low.rlim_cur = 400;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(output_of(ask), concat("400\n", before.rlim_max, '\n'));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(SpawnTest, WithoutDescriptorsThereIsNoChild) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const Descriptor next(::open("/dev/null", O_RDONLY));
  for (rlim_t spare = 0; spare < 9; ++spare) {
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next.get()) + 1 + spare;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_THROW(spawn({"true"}, {}), std::system_error) << spare;
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(Descriptor(::open("/dev/null", O_RDONLY)).get(), next.get() + 1) << "a descriptor is left open";
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST(SpawnTest, ASignalEndsIt) {
  Spawned spawned = spawn({"cat"}, {});
  EXPECT_TRUE(spawned.child.signal(number_of(Signal::terminate)));
  EXPECT_EQ(spawned.child.wait().signal(), SIGTERM);
  Spawned other = spawn({"cat"}, {});
  EXPECT_TRUE(other.child.kill());
  EXPECT_EQ(other.child.wait().signal(), SIGKILL);
}

TEST(SpawnTest, ASessionOfItsOwn) {
  const std::string ours = concat(::getsid(0));
  const std::vector<std::string> session{"sh", "-c", "cut -d' ' -f6 /proc/$$/stat"};
  EXPECT_EQ(output_of(session), ours + "\n");
  EXPECT_NE(output_of(session, {.new_session = true}), ours + "\n");
}

TEST(PipesTest, WritingToNobodyIsAnErrorAndNoSignal) {
  Spawned spawned = spawn({"true"}, {});
  EXPECT_EQ(spawned.child.wait().exit_code(), 0);
  const Result<std::size_t> written = write_pipe(spawned.input.get(), "x");  // SIGPIPE would end this test
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), std::errc::broken_pipe);
  sigset_t waiting;
  ::sigpending(&waiting);
  EXPECT_EQ(::sigismember(&waiting, SIGPIPE), 0);
}

TEST(PipesTest, NothingThereAndNoRoomAreErrorsToo) {
  Spawned spawned = spawn({"cat"}, {});
  std::array<char, 10> memory;
  const Result<std::size_t> read = read_pipe(spawned.output.get(), memory);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), std::errc::resource_unavailable_try_again);
  spawned.input.reset();
  spawned.child.wait();
  Spawned deaf = spawn({"sh", "-c", "kill -STOP $$"}, {});
  const std::string block(65536, 'x');
  Result<std::size_t> written = 0;
  for (int i = 0; i < 1000 && written; ++i) written = write_pipe(deaf.input.get(), block);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), std::errc::resource_unavailable_try_again);
  deaf.child.kill();
  deaf.child.wait();
}

TEST(SignalNames, OfAnyNumber) {
  EXPECT_EQ(name_of_signal(SIGKILL), "SIGKILL");
  EXPECT_EQ(name_of_signal(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(name_of_signal(40), "signal 40");
  EXPECT_EQ(number_of(Signal::interrupt), SIGINT);
}

}  // namespace
}  // namespace parley
