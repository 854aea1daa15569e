#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace parley {

class ShutdownSequence;

// The three times at which a program is told that its reactor stops.
enum class Stopping : std::uint8_t {
  before,  // nothing new is accepted, every connection still lives
  during,  // connections are being closed
  after,   // they all have ended; `run` returns next
};

// Keeps a reactor from going on with its stopping for as long as a copy of it lives, though not beyond the
// time that `stop` has set. Thread: any. It must not outlive the reactor.
class Hold {
 public:
  Hold() = default;

 private:
  friend class ShutdownSequence;
  explicit Hold(std::shared_ptr<void> held) : held_(std::move(held)) {}

  std::shared_ptr<void> held_;
};

}  // namespace parley
