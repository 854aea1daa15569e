#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/socket/address.h"
#include "parley/socket/network.h"

namespace parley {

// How many connections one peer may have. A peer is an IPv4 address, or the first 64 bits of an IPv6 address,
// of which whoever has one usually has them all; all local (Unix) peers are one.
struct PeerLimitSettings {
  std::size_t connections = 0;  // at once; 0: no limit
  // New ones in each `period`, which begins with the first of them; 0: no limit.
  std::size_t new_connections = 0;
  Duration period = std::chrono::seconds(10);
  // These are not counted.
  std::vector<Network> exempt{};
  // How many peers are remembered for the time of `period`: beyond it the one that came first begins anew.
  // Those who are connected are counted in any case.
  std::size_t remembered = 64 * 1024;
};

// Counts connections by peer, for a server that tells it of each. It keeps some hundred bytes for each peer
// that is connected or remembered, and has no timer. Beside it stands `LimitConnectionsByPeer`, which does
// that for any factory, with a filter under each connection.
class PeerLimits {
 public:
  enum class Verdict : std::uint8_t { welcome, too_many, too_often };

  explicit PeerLimits(PeerLimitSettings settings) : settings_(std::move(settings)) {}

  // Whether one more connection of that peer would be too many.
  Verdict judge(const Address& peer, Time now) const;
  // A connection begins, and has ended. `enter` may throw std::bad_alloc; then nothing has changed.
  void enter(const Address& peer, Time now);
  void leave(const Address& peer);

  bool exempt(const Address& peer) const;
  // Connections of that peer, whatever its port; 0 for one that is exempt.
  std::size_t connections(const Address& peer) const;
  // Peers that something is known of.
  std::size_t peers() const { return peers_.size(); }

 private:
  struct Peer {
    std::size_t connections = 0;
    std::size_t begun = 0;  // in the period
    Time until{};           // the period's end
  };
  using Peers = std::unordered_map<CompactAddress, Peer>;

  bool counts(const Address& peer) const;
  void forget_until(Time now);
  void forget_first();

  PeerLimitSettings settings_;
  Peers peers_;
  std::deque<std::pair<Time, CompactAddress>> periods_;  // their ends, in this order
};

}  // namespace parley
