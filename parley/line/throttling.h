#pragma once

#include <cstddef>

#include "parley/reactor/filter.h"
#include "parley/reactor/reactor.h"

namespace parley {

// How fast bytes may pass.
struct ThrottleSettings {
  // Bytes per second, in and out; 0: as fast as they come. One second's worth may pass at once after a rest.
  std::size_t in = 0;
  std::size_t out = 0;
  // Whether the rates are for each connection, or, as in Twisted, for all together that are made with it.
  bool each = false;
};

// A filter that slows connections down. What has been read is handed on whole; then reading rests until the
// rate is met, and the peer is slowed by its own network. What is written leaves at its rate; until then it
// waits, and is limited, as for a peer that reads slowly. `lose_connection` waits for it, but when the
// reactor stops it is dropped. Time is the reactor's: a connection that has nothing to wait for has no timer,
// and one that waits fires at most ten times a second in each direction. The reactor must outlive its
// connections.
Wrap throttle(Reactor& reactor, const ThrottleSettings& settings);

}  // namespace parley
