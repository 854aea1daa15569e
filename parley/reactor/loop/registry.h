#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "parley/reactor/entry_id.h"

namespace parley {

// Everything of one kind that a reactor keeps and hands out names for. A place is used again with the next
// generation, so that a name of the past finds nothing. What is kept never moves.
template <class T>
class Registry {
 public:
  // The name that the next `add` will give.
  EntryId next() const {
    return free_.empty() ? EntryId{static_cast<std::uint32_t>(places_.size()), 0}
                         : EntryId{free_.back(), places_[free_.back()].generation};
  }

  EntryId add(std::unique_ptr<T> entry) {
    const EntryId id = next();
    if (free_.empty()) {
      free_.reserve(places_.capacity() == places_.size() ? 2 * places_.size() + 1 : places_.capacity());
      places_.emplace_back();
    } else {
      free_.pop_back();
    }
    places_[id.index].entry = std::move(entry);
    ++size_;
    return id;
  }

  T* find(EntryId id) const {
    if (id.index >= places_.size() || places_[id.index].generation != id.generation) return nullptr;
    return places_[id.index].entry.get();
  }

  // Takes it out, for the caller to drop; null where it is gone.
  std::unique_ptr<T> take(EntryId id) {
    if (find(id) == nullptr) return nullptr;
    Place& place = places_[id.index];
    ++place.generation;
    free_.push_back(id.index);
    --size_;
    return std::move(place.entry);
  }

  // Those that are there now, in the order of their places: whoever goes through them may change the
  // registry.
  std::vector<EntryId> ids() const {
    std::vector<EntryId> all;
    all.reserve(size_);
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
      if (places_[i].entry != nullptr) all.push_back({i, places_[i].generation});
    }
    return all;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Place {
    std::unique_ptr<T> entry{};
    std::uint32_t generation = 0;
  };

  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace parley
