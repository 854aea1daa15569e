#include "parley/line/message_limit.h"

#include <algorithm>
#include <chrono>

namespace parley {

namespace {

using Microseconds = std::chrono::duration<std::int64_t, std::micro>;

// The clock of the limits begins again every 72 minutes; half of that can be told apart.
constexpr std::uint64_t longest = 0x7fffffff;

}  // namespace

void MessageLimit::count(Reactor& reactor, Transport& transport, const MessageRate& rate) {
  if (rate.per_second == 0) return;
  const std::uint64_t each = std::max<std::uint64_t>(1, 1'000'000 / rate.per_second);
  const std::uint64_t most = std::clamp(each * rate.burst, each, std::max(each, longest));
  const auto now = static_cast<std::uint32_t>(
      std::chrono::duration_cast<Microseconds>(reactor.now().time_since_epoch()).count());
  std::uint64_t ahead = static_cast<std::uint32_t>(due_ - now);
  if (ahead > most) ahead = 0;  // it lies behind
  ahead = std::min(ahead + each, most);
  due_ = now + static_cast<std::uint32_t>(ahead);
  if (ahead + each <= most) return;

  transport.pause_reading();
  reactor.call_later(Microseconds(static_cast<std::int64_t>(ahead + each - most)),
                     [&reactor, id = transport.id()] {
                       if (Transport* const resting = reactor.find(id)) resting->resume_reading();
                     });
}

}  // namespace parley
