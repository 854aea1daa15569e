#pragma once

#include <functional>
#include <pthread.h>
#include <unistd.h>
#include <utility>

namespace parley {

// For tests alone: while it lives, `call` is called in the parent at the end of each fork, before fork
// answers, with the child's number: what another thread might do in that moment.
class AfterFork {
 public:
  explicit AfterFork(std::function<void(pid_t)> call) {
    static const int registered = ::pthread_atfork(&before, &in_parent, &in_child);
    static_cast<void>(registered);
    now() = std::move(call);
  }
  ~AfterFork() { now() = nullptr; }
  AfterFork(const AfterFork&) = delete;
  AfterFork& operator=(const AfterFork&) = delete;

 private:
  static std::function<void(pid_t)>& now() {
    static std::function<void(pid_t)> call;
    return call;
  }
  static int* ends() {
    static int pipe[2];
    return pipe;
  }
  static void before() {
    if (now()) static_cast<void>(::pipe(ends()) == 0);
  }
  static void in_child() {
    if (!now()) return;
    const pid_t pid = ::getpid();
    static_cast<void>(::write(ends()[1], &pid, sizeof pid) == sizeof pid);
    close();
  }
  static void in_parent() {
    if (!now()) return;
    pid_t pid = 0;
    const bool told = ::read(ends()[0], &pid, sizeof pid) == sizeof pid;
    close();
    if (told) now()(pid);
  }
  static void close() {
    ::close(ends()[0]);
    ::close(ends()[1]);
  }
};

}  // namespace parley
