#pragma once

#include <cstdint>

#include "parley/base/print.h"

namespace parley {

// What a descriptor is watched for, and what it is ready for.
enum class Interest : std::uint8_t { none = 0, read = 1, write = 2, both = 3 };

constexpr Interest operator|(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr Interest operator&(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<std::uint8_t>(a) & static_cast<std::uint8_t>(b));
}

// Whether `all` contains `one`: `has(ready, Interest::write)`.
constexpr bool has(Interest all, Interest one) {
  return (all & one) == one;
}

// `read|write`.
void print(Writer& out, Interest interest);

// Which of the kernel's calls waits. `select` takes no descriptor beyond 1023; `epoll`, Linux's own, costs
// the same however many are watched.
enum class PollerKind { select, poll, epoll };

}  // namespace parley
