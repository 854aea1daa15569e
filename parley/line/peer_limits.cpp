#include "parley/line/peer_limits.h"

#include <algorithm>
#include <cassert>

namespace parley {

namespace {

constexpr int ipv6_bits = 64;

CompactAddress key_of(const Address& peer) {
  if (peer.family() == Family::inet || peer.family() == Family::inet6) {
    const Network whole(peer, peer.family() == Family::inet ? 32 : 128);  // of a mapped address the IPv4 one
    if (whole.address().family() == Family::inet) return whole.address().compact();
    return Network(peer, ipv6_bits).address().compact();
  }
  CompactAddress key;
  key.family = peer.family();
  return key;
}

}  // namespace

PeerLimits::Verdict PeerLimits::judge(const Address& peer, Time now) const {
  if (!counts(peer)) return Verdict::welcome;
  const auto found = peers_.find(key_of(peer));
  if (found == peers_.end()) return Verdict::welcome;
  const Peer& known = found->second;
  if (settings_.connections != 0 && known.connections >= settings_.connections) return Verdict::too_many;
  const bool often =
      settings_.new_connections != 0 && known.begun >= settings_.new_connections && now < known.until;
  return often ? Verdict::too_often : Verdict::welcome;
}

void PeerLimits::enter(const Address& peer, Time now) {
  if (!counts(peer)) return;
  forget_until(now);
  const CompactAddress key = key_of(peer);
  const auto [place, added] = peers_.try_emplace(key);
  if (settings_.new_connections != 0) {
    if (now >= place->second.until) {
      const Time until = later(now, settings_.period);
      try {
        periods_.emplace_back(until, key);
      } catch (...) {
        if (added) peers_.erase(place);
        throw;
      }
      place->second.until = until;
      place->second.begun = 0;
    }
    ++place->second.begun;
  }
  ++place->second.connections;
  while (periods_.size() > std::max<std::size_t>(settings_.remembered, 1)) forget_first();
}

void PeerLimits::leave(const Address& peer) {
  if (!counts(peer)) return;
  const auto found = peers_.find(key_of(peer));
  assert(found != peers_.end() && found->second.connections > 0);
  // Its period is remembered until it is over.
  if (--found->second.connections == 0 && found->second.begun == 0) peers_.erase(found);
}

bool PeerLimits::exempt(const Address& peer) const {
  return std::any_of(settings_.exempt.begin(), settings_.exempt.end(),
                     [&](const Network& network) { return network.contains(peer); });
}

std::size_t PeerLimits::connections(const Address& peer) const {
  const auto found = peers_.find(key_of(peer));
  return found == peers_.end() ? 0 : found->second.connections;
}

bool PeerLimits::counts(const Address& peer) const {
  return (settings_.connections != 0 || settings_.new_connections != 0) && !exempt(peer);
}

void PeerLimits::forget_until(Time now) {
  while (!periods_.empty() && periods_.front().first <= now) forget_first();
}

// A peer has one period at a time: a new one begins when the last is over, and forgotten.
void PeerLimits::forget_first() {
  const auto found = peers_.find(periods_.front().second);
  periods_.pop_front();
  found->second.begun = 0;
  found->second.until = {};
  if (found->second.connections == 0) peers_.erase(found);
}

}  // namespace parley
