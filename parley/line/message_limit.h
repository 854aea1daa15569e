#pragma once

#include <cstdint>

#include "parley/reactor/reactor.h"

namespace parley {

// How many messages a peer may send.
struct MessageRate {
  // In the long run; 0: as many as it likes. At most a million.
  std::uint32_t per_second = 0;
  // At once, after a rest; at least 1. Beyond 2^28 it is as that.
  std::uint32_t burst = 1;
};

// Makes a peer that sends too many messages wait: it is not read until it may send the next one, and what it
// sends meanwhile stays with it. Four bytes for each peer; a timer only while one waits. It tells silences
// apart that are shorter than 2^30 messages less a burst take in the long run: 20 months at 20 in a second
// with a small burst, 15 with the largest. After a longer one, a peer may have to wait before its burst is
// whole.
//
//   class Chatter : public LineReceiver {
//     void line_received(std::string_view line) override { limit_.count(reactor_, transport(), rate_); ... }
//   };
//
// A protocol that pauses reading itself is read again when the wait is over.
class MessageLimit {
 public:
  // A message has come. To be called for each of one transport, which is the reactor's, with the same rate.
  void count(Reactor& reactor, Transport& transport, const MessageRate& rate);

 private:
  // When its burst is whole again, in quarters of the time that a message takes; 0: it was never begun.
  std::uint32_t due_ = 0;
};

}  // namespace parley
