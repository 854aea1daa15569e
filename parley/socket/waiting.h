#pragma once

// Private to socket/: how long to wait, and waiting with a deadline that signals neither shorten nor
// lengthen.

#include <optional>
#include <sys/time.h>

#include "parley/base/clock.h"

namespace parley {

// When a call has to be over. Counted from its construction; without a timeout, never.
class Deadline {
 public:
  explicit Deadline(std::optional<Duration> timeout) {
    if (timeout) end_ = after(*timeout);
  }

  // How long there is still; zero when it has passed, none when there is no end.
  std::optional<Duration> left() const;

 private:
  static Time after(Duration timeout);

  std::optional<Time> end_;
};

// A wait's length in milliseconds as poll and epoll take it: rounded up, -1 for ever, at most 24 days.
int milliseconds_up(std::optional<Duration> timeout);
// The same for select: rounded up to microseconds, at most a year.
timeval timeval_up(Duration timeout);

// Throws a SocketError about a wait, unless a signal ended it.
void check_wait_error(int error);

// Waits until the descriptor is ready for poll's `events`, or has an error, or was hung up. False when
// the deadline came first. Throws SocketError only where poll itself fails.
bool wait_for(int descriptor, short events, const Deadline& deadline);

}  // namespace parley
