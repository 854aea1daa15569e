#pragma once

#include <atomic>
#include <csignal>
#include <ctime>
#include <unistd.h>

namespace parley {

// A signal to this thread every two milliseconds while it stands, 1500 at most: a deadline that each of them
// lengthens ends late, and not never.
class ManySignals {
 public:
  ManySignals() {
    count = 0;
    struct sigaction action{};
    action.sa_handler = [](int) {
      const itimerspec never{};
      if (++count == 1500) timer_settime(timer, 0, &never, nullptr);
    };
    sigaction(SIGALRM, &action, &before_);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = gettid();
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    const itimerspec often{{0, 2'000'000}, {0, 2'000'000}};
    timer_settime(timer, 0, &often, nullptr);
  }
  ~ManySignals() {
    timer_delete(timer);
    sigaction(SIGALRM, &before_, nullptr);
  }
  ManySignals(const ManySignals&) = delete;
  ManySignals& operator=(const ManySignals&) = delete;

  static inline std::atomic<int> count;

 private:
  static inline timer_t timer;
  struct sigaction before_{};
};

}  // namespace parley
