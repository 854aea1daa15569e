#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

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

// Refuses a connection while its peer, which is its address without the port, has `most` others. All local
// (Unix) peers are one. It counts with a Filter too. Who has an IPv6 network has many addresses: limit the
// total as well.
class LimitConnectionsByPeer final : public WrappingFactory {
 public:
  LimitConnectionsByPeer(std::shared_ptr<Factory> inner, std::size_t most);

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override;
  // Connections of that peer, whatever its port.
  std::size_t connections(const Address& peer) const;

 private:
  using Counts = std::unordered_map<CompactAddress, std::size_t>;

  std::unique_ptr<Protocol> wrap(std::unique_ptr<Protocol> made, const Address& peer) override;

  std::size_t most_;
  std::shared_ptr<Counts> counts_;
};

}  // namespace parley
