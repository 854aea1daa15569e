#include "parley/process/child.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <new>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "parley/socket/error.h"

namespace parley {

namespace {

// Of older headers.
constexpr auto by_pidfd = static_cast<idtype_t>(3);
constexpr long pidfd_open_number = 434;
constexpr long pidfd_send_signal_number = 424;

[[noreturn]] void fail_without_descriptor(int error) {
  const std::error_code reason(error, std::generic_category());
  throw std::system_error(reason, detail::with_remedy("fork: no descriptor for the child", reason));
}

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

// Holds a child back until its parent has its descriptor: one that has ended, and that somebody else has
// waited for, may have left its number to another process by then. Not clone3 with CLONE_PIDFD: that goes
// past the C library, whose locks may be held in the child then.
class Leash {
 public:
  Leash() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    parent_.reset(ends[0]);
    child_.reset(ends[1]);
  }
  explicit operator bool() const { return static_cast<bool>(parent_); }

  // In the child: waits. False where it is not to begin, also because its parent is gone.
  bool wait() {
    parent_.reset();
    char word = leave;
    while (::recv(child_.get(), &word, 1, 0) < 0 && errno == EINTR) {
    }
    child_.reset();
    return word == begin;
  }

  // In the parent. The place of the child's end is free for the child's descriptor then.
  void drop_child_end() { child_.reset(); }
  void let_go(bool begins) const {
    const char word = begins ? begin : leave;
    // Where it is gone already its end of the pair is too: that is no SIGPIPE of ours.
    [[maybe_unused]] const auto sent = ::send(parent_.get(), &word, 1, MSG_NOSIGNAL);
  }

 private:
  static constexpr char begin = 'b';
  static constexpr char leave = 'l';

  Descriptor parent_;
  Descriptor child_;
};

// The children that were dropped while they ran. A list that is only pushed to and taken whole needs no lock,
// which a fork in another thread might find locked for ever.
struct Dropped {
  Descriptor descriptor;
  Dropped* next = nullptr;
};
constinit std::atomic<Dropped*> dropped_children{nullptr};

void push(Dropped* child) {
  child->next = dropped_children.load();
  while (!dropped_children.compare_exchange_weak(child->next, child)) {
  }
}

bool has_ended(const Descriptor& pidfd) {
  siginfo_t info{};
  const int result = ::waitid(by_pidfd, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG);
  return result != 0 || info.si_pid != 0;  // an error: it is not ours, or not any more
}

}  // namespace

void Child::wait_for_dropped() {
  for (Dropped* child = dropped_children.exchange(nullptr); child != nullptr;) {
    Dropped* const next = child->next;
    if (has_ended(child->descriptor)) {
      delete child;
    } else {
      push(child);
    }
    child = next;
  }
}

Descriptor Child::another_descriptor() const {
  if (!ours() || !descriptor_) return {};
  return Descriptor(::fcntl(descriptor_.get(), F_DUPFD_CLOEXEC, 0));
}

Child::Child(const std::function<int()>& body) {
  wait_for_dropped();
  // Its places are made sure of before: one of them becomes the child's descriptor.
  Leash leash;
  if (!leash) fail_without_descriptor(errno);
  flush();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) ::_exit(leash.wait() ? flushed(body) : EXIT_FAILURE);
  leash.drop_child_end();
  descriptor_.reset(open_pidfd(pid_));
  const int error = descriptor_ ? 0 : errno;
  leash.let_go(static_cast<bool>(descriptor_));
  // It may have been killed, and waited for by somebody else, even so: then the descriptor is nobody's, or
  // that of a process that is not our child, and this finds it out.
  ask(!descriptor_);
  // Another thread has taken the place. The child has not begun, so the wait for it was short.
  if (error != 0 && error != ESRCH) fail_without_descriptor(error);
}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(pid_, other.pid_);
  std::swap(forks_, other.forks_);
  std::swap(status_, other.status_);
  return *this;
}

Child::~Child() {
  if (!descriptor_ || poll()) return;
  auto* const dropped = new (std::nothrow) Dropped{std::move(descriptor_)};
  if (dropped != nullptr) push(dropped);
}

std::optional<ProcessStatus> Child::poll() {
  if (!status_) ask(false);
  return status_;
}

ProcessStatus Child::wait() {
  if (!status_) ask(true);
  return *status_;  // NOLINT(bugprone-unchecked-optional-access): it has waited
}

bool Child::signal(int number) {
  return descriptor_ && ours() &&
         ::syscall(pidfd_send_signal_number, descriptor_.get(), number, nullptr, 0) == 0;
}

bool Child::kill() {
  return signal(SIGKILL);
}

// As long as nobody has waited for it, the number is no other group's.
bool Child::signal_group(int number) {
  return descriptor_ && ours() && ::kill(-pid_, number) == 0;
}

bool Child::kill_group() {
  return signal_group(SIGKILL);
}

void Child::ask(bool waits) {
  using Kind = ProcessStatus::Kind;
  if (!ours()) {
    status_ = ProcessStatus(Kind::unknown);
    return descriptor_.reset();
  }
  siginfo_t info{};
  const auto kind = descriptor_ ? by_pidfd : P_PID;
  const auto whom = static_cast<id_t>(descriptor_ ? descriptor_.get() : pid_);
  int result;
  do {
    result = ::waitid(kind, whom, &info, WEXITED | (waits ? 0 : WNOHANG));
  } while (result != 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return;  // it runs
  if (result != 0) {
    status_ = ProcessStatus(Kind::unknown);  // somebody else was told, or SIGCHLD is ignored and nobody is
  } else {
    status_ = ProcessStatus(info.si_code == CLD_EXITED ? Kind::exited : Kind::signaled, info.si_status);
  }
  descriptor_.reset();
}

}  // namespace parley
