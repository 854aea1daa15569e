#pragma once

#include <memory>

#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/transport.h"

namespace parley {

// Which descriptors are the input and the output; they stay the caller's.
struct StandardIoSettings {
  int input = 0;
  int output = 1;
};

// Makes a connection of the program's standard input and output: what is typed or piped in comes as
// `data_received`, what is written goes out; Twisted's StandardIO. Pipes, terminals, files and sockets will
// do. Everything of a connection works: pausing, producers, `send_file`, filters (LineReceiver). The end of
// the input is `eof_received`. A reader of the output that has gone ends the connection. `peer` is a nameless
// local socket. When the connection ends, or its own direction does, what was written is still delivered, and
// then the output is closed (its number stands for /dev/null from then on), so that the next program of a
// pipeline sees the end. A reactor that stops waits for that, as long as it drains. Up to 300 KiB of input
// are read before anybody has asked for them.
//
// Whether the descriptors block is left as it is, for other programs share them: a terminal and a pipe are
// opened anew where that may be. Throws SocketError. Not over the memory back end. Answers the connection's
// name.
TransportId standard_io(Reactor& reactor, std::unique_ptr<Protocol> protocol,
                        const StandardIoSettings& settings = {});

}  // namespace parley
