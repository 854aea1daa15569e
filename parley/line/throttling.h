#pragma once

#include <cstddef>
#include <memory>

#include "parley/line/wrapping_factory.h"
#include "parley/reactor/reactor.h"

namespace parley {

// How fast bytes may pass.
struct ThrottleSettings {
  // Bytes per second, in and out; 0: as fast as they come. One second's worth may pass at once after a rest.
  std::size_t in = 0;
  std::size_t out = 0;
  // Whether the rates are for each connection, or, as in Twisted, for all that the factory has made together.
  bool each = false;
  // How much of a connection's output waits for its time: beyond the first number of bytes its protocol (or
  // its producer) is told to pause, at or below the second to resume; one that goes on writing
  // when more than `most` wait is aborted.
  std::size_t high_water = 64 * 1024;
  std::size_t low_water = 16 * 1024;
  std::size_t most = 1024 * 1024;
};

// Slows connections down. What has been read is handed on whole; then reading rests until the rate is met,
// and the peer is slowed by its own network. What is written leaves at its rate, and waits here before;
// `lose_connection` waits for it, but when the reactor stops it is dropped. Time is the reactor's: a
// connection that has nothing to wait for has no timer, and one that waits fires at most ten times a
// second in each direction.
class ThrottlingFactory final : public WrappingFactory {
 public:
  // The reactor must outlive the factory and its connections.
  ThrottlingFactory(Reactor& reactor, std::shared_ptr<Factory> inner, const ThrottleSettings& settings);
  ~ThrottlingFactory() override;

 private:
  class Budget;
  class Throttled;

  std::unique_ptr<Protocol> wrap(std::unique_ptr<Protocol> made, const Address& peer) override;

  Reactor& reactor_;
  ThrottleSettings settings_;
  std::shared_ptr<Budget> in_;  // of all together
  std::shared_ptr<Budget> out_;
};

}  // namespace parley
