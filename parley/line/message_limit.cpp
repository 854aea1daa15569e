#include "parley/line/message_limit.h"

#include <algorithm>
#include <chrono>

namespace parley {

namespace {

// The limits count in this fraction of a message's time: so few, so that four bytes last for long.
constexpr std::uint32_t each = 4;
constexpr std::uint32_t longest_burst = std::uint32_t{1} << 28U;

}  // namespace

void MessageLimit::count(Reactor& reactor, Transport& transport, const MessageRate& rate) {
  if (rate.per_second == 0) return;
  const Duration tick = std::max(Duration(1), Duration(std::chrono::seconds(1)) / rate.per_second / each);
  const Duration now = reactor.now().time_since_epoch();
  // The next tick: rounded down, whoever begins would have a part of a message more than it may.
  const std::int64_t next = (now + tick - Duration(1)) / tick;
  const auto ticks = static_cast<std::uint32_t>(next);  // its last bits are enough
  const std::uint32_t most = each * std::clamp<std::uint32_t>(rate.burst, 1, longest_burst);
  std::uint32_t ahead = due_ - ticks;
  if (due_ == 0 || ahead > most) ahead = 0;  // it lies behind
  ahead = std::min(ahead + each, most);
  due_ = std::max<std::uint32_t>(1, ticks + ahead);
  if (ahead + each <= most) return;

  transport.pause_reading();
  reactor.call_later(tick * (next + ahead + each - most) - now, [&reactor, id = transport.id()] {
    if (Transport* const resting = reactor.find(id)) resting->resume_reading();
  });
}

}  // namespace parley
