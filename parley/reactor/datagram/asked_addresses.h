#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>

#include "parley/socket/address.h"

namespace parley {

// Which of our addresses peers have sent their last datagrams to, so that they are answered from there. Each
// peer has one place that it can have, by its hash: of `most` at most it is known, and a new one may take the
// place of one before.
class AskedAddresses {
 public:
  static constexpr std::size_t most = 256;

  // Unspecified: it is not known any more.
  void note(const Address& peer, const Address& asked) {
    if (places_ == nullptr) {
      if (asked.family() == Family::unspecified) return;
      places_ = std::make_unique<Places>();
    }
    Place& place = place_of(peer);
    if (asked.family() == Family::unspecified && place.peer != peer.compact()) return;
    place = {peer.compact(), asked.compact()};
  }
  Address find(const Address& peer) const {
    if (places_ == nullptr) return {};
    const Place& place = place_of(peer);
    return place.peer == peer.compact() ? Address(place.asked) : Address();
  }

 private:
  struct Place {
    CompactAddress peer;
    CompactAddress asked;
  };
  using Places = std::array<Place, most>;

  Place& place_of(const Address& peer) const {
    return (*places_)[std::hash<CompactAddress>()(peer.compact()) % most];
  }

  std::unique_ptr<Places> places_;  // once somebody was noted
};

}  // namespace parley
