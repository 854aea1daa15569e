#pragma once

#include <cstddef>
#include <memory>

#include "parley/base/clock.h"
#include "parley/line/peer_limits.h"
#include "parley/line/wrapping_factory.h"

namespace parley {

// Refuses connections while `most` protocols that it has made are alive. Beside
// `ListenSettings::max_connections`, which counts those of the whole reactor and has words for who is
// refused. What counts is a Filter under each connection: so `Reactor::detach` refuses it, and
// `Transport::take_lent` copies.
class LimitTotalConnectionsFactory final : public WrappingFactory {
 public:
  LimitTotalConnectionsFactory(std::shared_ptr<Factory> inner, std::size_t most);

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override;
  std::size_t connections() const { return *count_; }

 private:
  std::unique_ptr<Protocol> wrap(std::unique_ptr<Protocol> made, const Address& peer) override;

  std::size_t most_;
  std::shared_ptr<std::size_t> count_;  // its connections may outlive the factory
};

// Refuses a connection where its peer, as PeerLimits has it, has `most` others, or more than the settings
// allow. It counts with a Filter too.
class LimitConnectionsByPeer final : public WrappingFactory {
 public:
  LimitConnectionsByPeer(std::shared_ptr<Factory> inner, std::size_t most);
  // The clock must outlive it.
  LimitConnectionsByPeer(std::shared_ptr<Factory> inner, PeerLimitSettings settings,
                         const Clock& clock = system_clock());

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override;
  // Connections of that peer, whatever its port.
  std::size_t connections(const Address& peer) const { return limits_->connections(peer); }

 private:
  std::unique_ptr<Protocol> wrap(std::unique_ptr<Protocol> made, const Address& peer) override;

  std::shared_ptr<PeerLimits> limits_;  // its connections may outlive the factory
  const Clock& clock_;
  bool nobody_;
};

}  // namespace parley
