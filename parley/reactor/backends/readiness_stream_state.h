#pragma once

// Private to the readiness back end.

#include <cstdint>

namespace parley::readiness::stream_state {

// What the state of a stream's slot tells.
enum State : std::uint32_t {
  reading = 1U << 0,     // input is wanted
  writing = 1U << 1,     // a write waits for room
  ended = 1U << 2,       // the peer's input has ended
  failed = 1U << 3,      // and the failure is told, or will be
  closed = 1U << 4,      // nothing more is told but that
  listed = 1U << 5,      // in changed_
  known_read = 1U << 6,  // what the poller knows
  known_write = 1U << 7,
  full = 1U << 8,        // the kernel took no more of what was offered
  connecting = 1U << 9,  // is being made
  named = 1U << 10,      // has a path in the file system
};

}  // namespace parley::readiness::stream_state
