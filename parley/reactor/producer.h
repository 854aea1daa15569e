#pragma once

namespace parley {

// Something that writes a long answer to a transport, piece by piece, as fast as the peer reads: a file, a
// database's rows, another connection. `Transport::register_producer` tells how it is driven. Called from
// the loop, on its thread, never from inside a call of the transport.
class Producer {
 public:
  virtual ~Producer() = default;

  // Go on. One that streams writes until it is paused; one that is pulled writes one piece now, and is
  // called again when that has left.
  virtual void resume_producing() = 0;
  // Stop for now: more than `Limits::high_water` bytes wait. Comes only to one that streams.
  virtual void pause_producing() {}
  // The connection is lost: comes last, just before its `connection_lost`, unless it was unregistered.
  virtual void stop_producing() = 0;
};

// How a producer is driven.
enum class Production : unsigned char {
  streaming,  // it writes of itself, and is paused and resumed (Twisted's push producer)
  pulled,     // it writes once for each `resume_producing` (Twisted's pull producer)
};

}  // namespace parley
