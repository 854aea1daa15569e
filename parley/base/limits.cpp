#include "parley/base/limits.h"

#include <stdexcept>
#include <string_view>

#include "parley/base/print.h"

namespace parley {

namespace {

void require(bool possible, std::string_view name, std::string_view least) {
  if (!possible) throw std::invalid_argument(concat("Limits::", name, ": it must be at least ", least));
}

}  // namespace

const Limits& detail::possible(const Limits& limits) {
  require(limits.read_bytes > 0, "read_bytes", "1");
  require(limits.turn_bytes > 0, "turn_bytes", "1");
  require(limits.accept_batch > 0, "accept_batch", "1");
  require(limits.datagram_bytes > 0, "datagram_bytes", "1");
  require(limits.datagram_batch > 0, "datagram_batch", "1");
  require(limits.brake >= Duration::zero(), "brake", "0 s");
  require(limits.close_timeout >= Duration::zero(), "close_timeout", "0 s");
  require(limits.linger >= Duration::zero(), "linger", "0 s");
  require(limits.accept_rest >= Duration::zero(), "accept_rest", "0 s");
  require(limits.datagram_rest >= Duration::zero(), "datagram_rest", "0 s");
  return limits;  // NOLINT(bugprone-return-const-ref-from-parameter): for a constructor, which copies it at
                  // once
}

}  // namespace parley
