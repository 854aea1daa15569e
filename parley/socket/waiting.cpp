#include "parley/socket/waiting.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <poll.h>

#include "parley/socket/error.h"

namespace parley {

namespace {
constexpr Duration longest = std::chrono::hours(24 * 365 * 100);  // so that now and it can be added up
}

int milliseconds_up(std::optional<Duration> timeout) {
  if (!timeout) return -1;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(*timeout, Duration::zero())).count();
  return static_cast<int>(std::min<std::int64_t>(ms, std::numeric_limits<int>::max()));
}

timeval timeval_up(Duration timeout) {
  const auto clamped = std::clamp<Duration>(timeout, Duration::zero(), std::chrono::hours(24 * 365));
  const auto us = std::chrono::ceil<std::chrono::microseconds>(clamped).count();
  return {us / 1'000'000, us % 1'000'000};
}

void check_wait_error(int error) {
  if (error != EINTR) throw SocketError("wait", "", {error, std::system_category()});
}

Time Deadline::after(Duration timeout) {
  return system_clock().now() + std::min(timeout, longest);
}

std::optional<Duration> Deadline::left() const {
  if (!end_) return std::nullopt;
  return std::max(*end_ - system_clock().now(), Duration::zero());
}

bool wait_for(int descriptor, short events, const Deadline& deadline) {
  for (;;) {
    const std::optional<Duration> left = deadline.left();
    pollfd polled{descriptor, events, 0};
    const int count = ::poll(&polled, 1, milliseconds_up(left));
    if (count > 0) return true;
    if (count < 0) check_wait_error(errno);
    if (left == Duration::zero()) return false;
  }
}

}  // namespace parley
