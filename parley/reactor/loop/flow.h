#pragma once

#include <cstddef>

#include "parley/base/limits.h"
#include "parley/reactor/loop/connection.h"
#include "parley/reactor/loop/reading.h"

namespace parley {

// Keeps those who write in step with those who read: whoever writes to somebody far behind rests for a while,
// and so does who has published its share of a turn. What a protocol writes while it is called counts for its
// connection.
class Flow {
 public:
  Flow(const Limits& limits, Reading& reading) : share_(limits.sendq_bytes / 4), reading_(reading) {}

  // Everybody has a share of this turn again.
  void begin_turn() { sender_ = nullptr; }
  // From here until `leave`, the protocol of this connection is being called. Several pieces of its input,
  // one after another, have one share.
  void enter(Connection& sender) {
    if (sender_ != &sender) {
      sender_ = &sender;
      published_ = 0;
    }
    most_ = share_;
  }
  void leave() { most_ = unlimited; }
  // Whether the last one that was called has written anything.
  bool has_published() const { return published_ != 0; }

  // So much was written, to somebody who lags or not.
  void published(std::size_t bytes, bool to_lagging) {
    published_ += bytes;
    if (to_lagging || published_ > most_) rest(to_lagging);
  }

  // Whether a connection is more than half a sendq behind.
  void set_lagging(Connection& connection, bool lags) {
    if (lags == connection.output.any(Output::lagging)) return;
    if (lags) {
      connection.output.set(Output::lagging);
      ++lagging_;
    } else {
      connection.output.clear(Output::lagging);
      --lagging_;
    }
  }
  bool somebody_lags() const { return lagging_ != 0; }

 private:
  static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

  void rest(bool to_lagging) {
    if (most_ == unlimited || sender_->life != Life::open) return;  // outside, nobody is to rest
    if (to_lagging) reading_.brake(*sender_);
    if (published_ > share_) reading_.hold(*sender_);
  }

  const std::size_t share_;       // bytes that a connection may publish in a turn
  std::size_t most_ = unlimited;  // the same, while its protocol is called
  Reading& reading_;
  Connection* sender_ = nullptr;
  std::size_t published_ = 0;
  std::size_t lagging_ = 0;  // how many connections do
};

}  // namespace parley
