#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>

#include "parley/reactor/backoff.h"
#include "parley/reactor/connector.h"
#include "parley/reactor/protocol.h"

namespace parley {

// A factory of clients whose connector tries again whenever it has failed or its connection was lost, with
// waits that grow (see Backoff). They begin anew when `reset_delay` is called: by the protocol, once it knows
// that the other end is well. It serves one connector. Its overridden hooks are to be called by those who
// override them further.
class ReconnectingClientFactory : public ClientFactory {
 public:
  // `protocols` makes the protocols. The same seed gives the same jitter.
  explicit ReconnectingClientFactory(std::unique_ptr<Factory> protocols, const BackoffSettings& settings = {},
                                     std::uint32_t seed = std::random_device{}())
      : protocols_(std::move(protocols)), backoff_(settings), random_(seed) {}
  template <MakesProtocol F>
  explicit ReconnectingClientFactory(F make, const BackoffSettings& settings = {},
                                     std::uint32_t seed = std::random_device{}())
      : ReconnectingClientFactory(factory(std::move(make)), settings, seed) {}

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override;

  // The next wait is the first again.
  void reset_delay() { backoff_.reset(); }
  // Tries no more from now on, and gives up what is being tried. A connection that is there stays.
  void stop_trying();
  // Has `connector` try again after the next wait: unless there was `stop_trying`, or that was the last
  // retry. For `client_connection_failed` and `client_connection_lost`, which call it.
  void retry(Connector& connector);
  // Waits since the last `reset_delay`.
  unsigned retries() const { return backoff_.retries(); }

  void started_connecting(Connector& connector) override { connector_ = connector; }
  void client_connection_failed(Connector& connector, const SocketError& error) override;
  void client_connection_lost(Connector& connector, Reason reason) override;

 protected:
  // For those who make the protocols themselves, in `build_protocol`.
  explicit ReconnectingClientFactory(const BackoffSettings& settings = {},
                                     std::uint32_t seed = std::random_device{}())
      : backoff_(settings), random_(seed) {}

 private:
  std::unique_ptr<Factory> protocols_;
  Backoff backoff_;
  std::mt19937 random_;
  Connector connector_;
  bool trying_ = true;
};

}  // namespace parley
