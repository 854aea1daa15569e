#include "parley/process/signals.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "parley/socket/error.h"

namespace parley {

namespace {

struct Known {
  int number;
  std::string_view name;
};

// In the order of Signal.
constexpr std::array<Known, 8> known = {{{SIGHUP, "SIGHUP"},
                                         {SIGINT, "SIGINT"},
                                         {SIGTERM, "SIGTERM"},
                                         {SIGCHLD, "SIGCHLD"},
                                         {SIGUSR1, "SIGUSR1"},
                                         {SIGUSR2, "SIGUSR2"},
                                         {SIGPIPE, "SIGPIPE"},
                                         {SIGXFSZ, "SIGXFSZ"}}};

// What the handler may use: which signals have come, as the process that they came to (a copy of it has not
// got them); the pipe that says so, for each (-1: nobody asks); and how many handlers are running at this
// moment, so that a pipe is not closed under one of them.
std::array<std::atomic<pid_t>, known.size()> come = {};
std::array<std::atomic<int>, known.size()> pipes = {-1, -1, -1, -1, -1, -1, -1, -1};
std::atomic<int> running = 0;
static_assert(std::atomic<int>::is_always_lock_free);
static_assert(std::atomic<pid_t>::is_always_lock_free);

// The other end of each of these pipes.
std::array<std::atomic<int>, known.size()> read_ends = {-1, -1, -1, -1, -1, -1, -1, -1};

struct sigaction previous[known.size()];

constexpr std::size_t index(Signal signal) {
  return static_cast<std::size_t>(signal);
}

void note(int number) {
  const int kept = errno;
  ++running;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i].number != number) continue;
    come[i] = ::getpid();
    const int pipe = pipes[i];
    if (pipe < 0) continue;
    // A pipe that is full says already that there is something.
    [[maybe_unused]] const auto written = ::write(pipe, "", 1);
  }
  --running;
  errno = kept;
}

[[noreturn]] void fail(const char* operation) {
  const std::error_code reason(errno, std::generic_category());
  throw std::system_error(reason, detail::with_remedy(operation, reason));
}

void make_pipe(int& reads, int& writes) {
  int ends[2];
  if (::pipe(ends) != 0) fail("pipe, for signals");
  reads = ends[0];
  writes = ends[1];
  for (const int end : ends) {
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  }
}

// In the child of a fork: a signal that comes there would be told to the parent, by the pipe that both have.
// The numbers stay, so that whoever watches one need not know. This comes at once, and not with the first
// turn of a loop: a selector may watch it too. Where there is no descriptor left the pipe remains the
// parent's.
void renew_pipes() {
  running = 0;  // those that ran in other threads of the parent do not end here
  for (std::size_t i = 0; i < known.size(); ++i) {
    const int reads = read_ends[i];
    const int writes = pipes[i];
    if (reads < 0 || writes < 0) continue;
    bool own = false;  // one object may catch several
    for (std::size_t earlier = 0; earlier < i; ++earlier) own = own || pipes[earlier] == writes;
    int ends[2];
    if (!own && ::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
      ::dup3(ends[0], reads, O_CLOEXEC);
      ::dup3(ends[1], writes, O_CLOEXEC);
      ::close(ends[0]);
      ::close(ends[1]);
    }
    // One that has come to the child already was told by the old pipe.
    if (come[i] == ::getpid()) [[maybe_unused]]
      const auto written = ::write(writes, "", 1);
  }
}

[[maybe_unused]] const int renews_pipes = ::pthread_atfork(nullptr, nullptr, &renew_pipes);

}  // namespace

void print(Writer& out, Signal signal) {
  out.put(known[index(signal)].name);
}

int number_of(Signal signal) {
  return known[index(signal)].number;
}

std::string name_of_signal(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name != nullptr ? concat("SIG", std::string_view(name)) : concat("signal ", number);
}

Signals::Signals(std::initializer_list<Signal> caught) {
  make_pipe(reads_, writes_);
  caught_.reserve(caught.size());
  for (const Signal signal : caught) {
    int nobody = -1;
    if (!pipes[index(signal)].compare_exchange_strong(nobody, writes_)) {
      release();
      throw std::logic_error(concat("Signals: another object catches ", signal, " already"));
    }
    read_ends[index(signal)] = reads_;
    come[index(signal)] = 0;  // what came last and was not taken was another object's
    struct sigaction action{};
    action.sa_handler = note;
    action.sa_flags = SA_RESTART;
    ::sigfillset(&action.sa_mask);
    ::sigaction(known[index(signal)].number, &action, &previous[index(signal)]);
    caught_.push_back(signal);
  }
}

Signals::~Signals() {
  release();
}

void Signals::release() {
  for (const Signal signal : caught_) {
    ::sigaction(known[index(signal)].number, &previous[index(signal)], nullptr);
    read_ends[index(signal)] = -1;
    pipes[index(signal)] = -1;
  }
  while (running != 0) {
  }
  ::close(reads_);
  ::close(writes_);
}

std::vector<Signal> Signals::take() {
  // The pipe is emptied first: a signal that comes in between is told now, and once more, as nothing.
  std::array<char, 256> bytes;
  while (::read(reads_, bytes.data(), bytes.size()) > 0 || errno == EINTR) {
  }
  std::vector<Signal> told;
  for (const Signal signal : caught_) {
    if (come[index(signal)].exchange(0) == ::getpid()) told.push_back(signal);
  }
  return told;
}

void ignore_signal(Signal signal) {
  struct sigaction action{};
  action.sa_handler = SIG_IGN;
  ::sigaction(known[index(signal)].number, &action, nullptr);
}

}  // namespace parley
