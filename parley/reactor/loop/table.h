#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parley/reactor/loop/connection.h"

namespace parley {

// The places of a loop's connections, in blocks of 1024: addresses are stable, and a place keeps its
// generation when it is used again, so that an id of the past finds nothing.
class Table {
 public:
  // A place, in use from now on.
  Connection& allocate(Life life) {
    if (free_.empty()) grow();
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    ++in_use_;
    Connection& connection = at(slot);
    connection.id_.slot = slot;
    connection.life = life;
    connection.input = {};
    connection.output = {};
    connection.bond = {};
    return connection;
  }

  // The place may be used again; ids of what was there find nothing any more.
  void release(Connection& connection) {
    connection.life = Life::unused;
    connection.output = {};
    ++connection.id_.generation;
    free_.push_back(connection.id_.slot);
    --in_use_;
  }

  // The connection of that id, with its protocol or without; null when it is gone.
  Connection* find(TransportId id) const {
    if (id.slot >= places_) return nullptr;
    Connection& connection = at(id.slot);
    return connection.id_.generation == id.generation && connection.life != Life::unused ? &connection
                                                                                         : nullptr;
  }

  // Calls `f` with each connection in use; it may release the one it is called with.
  template <class F>
  void each(F f) {
    for (std::uint32_t slot = 0; slot < places_; ++slot) {
      if (at(slot).life != Life::unused) f(at(slot));
    }
  }

  std::size_t in_use() const { return in_use_; }

 private:
  static constexpr std::uint32_t block = 1024;

  Connection& at(std::uint32_t slot) const { return blocks_[slot / block][slot % block]; }

  void grow() {
    const std::uint32_t first = places_;
    free_.reserve(first + block);  // so that giving back needs no memory
    blocks_.push_back(std::make_unique<Connection[]>(block));
    places_ += block;
    for (std::uint32_t slot = places_; slot > first; --slot) free_.push_back(slot - 1);
  }

  std::vector<std::unique_ptr<Connection[]>> blocks_;
  std::uint32_t places_ = 0;  // in all of them
  std::vector<std::uint32_t> free_;
  std::size_t in_use_ = 0;
};

}  // namespace parley
