#pragma once

#include <string>

#include "parley/reactor/backend.h"
#include "parley/socket/address.h"

namespace parley {

// A connection that has left its reactor, still connected, in the middle of whatever it does. Whoever gets it
// has another reactor adopt it, or takes the descriptor (`Socket::adopt(handle.native)`, on a reactor over
// the kernel) and goes on by itself. It does not close the descriptor when it goes.
struct Detached {
  Handle handle;  // open, and does not block
  Address peer;
  std::string received;     // what came and was not delivered; it comes before what can be read
  std::string queued;       // what was written and not sent; it goes before anything else
  bool peer_ended = false;  // the peer sends no more
};

}  // namespace parley
