#pragma once

// Private to Parley.

#include <memory>

#include "parley/process/shared_streams.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/transport.h"

namespace parley {

// Descriptors that are no connection: the standard streams, our ends of a child's pipes.
struct RelayEnds {
  // None: the connection's input ends at once.
  SharedStream input{};
  // None: what the connection writes is dropped.
  SharedStream output{};
  // Of the output, for others, where it is shared with them (`end_output`).
  int number = -1;
};

// Makes a connection whose input comes from the one, and whose output goes to the other. When the input is
// over it is closed; when the connection writes no more, and all of it was taken, the output is. A reader of
// the output that has gone ends the connection. A reactor that stops waits until what was written is with the
// output, as long as that drains. Throws SocketError.
TransportId relay(Reactor& reactor, std::unique_ptr<Protocol> protocol, RelayEnds ends);

}  // namespace parley
