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

  // From here until `leave`, the protocol of this connection is being called.
  void enter(Connection& sender) {
    sender_ = &sender;
    published_ = 0;
  }
  void leave() { sender_ = nullptr; }
  // Whether the last one that was called has written anything.
  bool has_published() const { return published_ != 0; }

  // So much was written, to somebody who lags or not.
  void published(std::size_t bytes, bool to_lagging) {
    if (sender_ == nullptr) return;
    published_ += bytes;
    if (to_lagging || published_ > share_) rest(to_lagging);
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
  void rest(bool to_lagging) {
    if (sender_->life != Life::open) return;
    if (to_lagging) reading_.brake(*sender_);
    if (published_ > share_) reading_.hold(*sender_);
  }

  const std::size_t share_;  // bytes that a protocol may publish in one callback
  Reading& reading_;
  Connection* sender_ = nullptr;
  std::size_t published_ = 0;
  std::size_t lagging_ = 0;  // how many connections do
};

}  // namespace parley
