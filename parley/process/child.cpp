#include "parley/process/child.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace parley {

namespace {

// Of older headers.
constexpr auto by_pidfd = static_cast<idtype_t>(3);
constexpr long pidfd_open_number = 434;
constexpr long pidfd_send_signal_number = 424;

int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(pidfd_open_number, pid, 0));
}

// Not fflush(nullptr): it would wait for a thread that reads stdin.
void flush() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(stdout);
}

int flushed(const std::function<int()>& body) noexcept {
  try {
    const int status = body();
    flush();
    return status;
  } catch (...) {
    return EXIT_FAILURE;
  }
}

}  // namespace

Child::Child(const std::function<int()>& body) {
  // A descriptor for the child is made sure of before: afterwards it could not be refused any more.
  Descriptor reserved(::eventfd(0, EFD_CLOEXEC));
  if (!reserved) throw std::system_error(errno, std::generic_category(), "fork: no descriptor for the child");
  flush();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  reserved.reset();
  if (pid_ == 0) ::_exit(flushed(body));
  descriptor_.reset(open_pidfd(pid_));
  if (!descriptor_) ask(true);  // another thread has taken it: better to wait now than to have a zombie
}

std::optional<int> Child::poll() {
  if (!status_) ask(false);
  return status_;
}

int Child::wait() {
  if (!status_) ask(true);
  return *status_;  // NOLINT(bugprone-unchecked-optional-access): it has waited
}

bool Child::signal(int number) {
  return descriptor_ && ::syscall(pidfd_send_signal_number, descriptor_.get(), number, nullptr, 0) == 0;
}

bool Child::kill() {
  return signal(SIGKILL);
}

void Child::ask(bool waits) {
  siginfo_t info{};
  const auto kind = descriptor_ ? by_pidfd : P_PID;
  const auto whom = static_cast<id_t>(descriptor_ ? descriptor_.get() : pid_);
  int result;
  do {
    result = ::waitid(kind, whom, &info, WEXITED | (waits ? 0 : WNOHANG));
  } while (result != 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return;  // it runs
  if (result != 0) {
    status_ = 0;  // somebody else was told, or SIGCHLD is ignored and nobody is
  } else {
    status_ = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  }
  descriptor_.reset();
}

}  // namespace parley
