#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "parley/base/clock.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/relief.h"
#include "parley/reactor/transport.h"

namespace parley {

// A time by which each of some connections must have done something, renewed whenever it does.
class Deadlines {
 public:
  // `each`: how long that is.
  Deadlines(const LoopClock& clock, const Duration& each, Relief& relief)
      : clock_(clock), each_(each), relief_(relief) {}

  // The time begins anew. `left` is remembered: how much was left to do.
  void renew(TransportId id, std::size_t left) { renew(id, left, each_); }
  // The same for a time of its own.
  void renew(TransportId id, std::size_t left, Duration time) {
    drop(id);
    const Time until = later(clock_.now(), time);
    with_relief(relief_, [&] {
      const auto place = order_.emplace(until, id.slot).first;
      try {
        running_[id.slot] = {id, until, left};
      } catch (...) {
        order_.erase(place);
        throw;
      }
    });
  }
  bool runs(TransportId id) const { return running_.contains(id.slot); }
  std::size_t left(TransportId id) const { return running_.at(id.slot).left; }
  void drop(TransportId id) {
    if (running_.empty()) return;
    const auto found = running_.find(id.slot);
    if (found == running_.end()) return;
    order_.erase({found->second.until, id.slot});
    running_.erase(found);
  }

  // The next one whose time is over; it is dropped.
  std::optional<TransportId> next_over() {
    if (order_.empty() || order_.begin()->first > clock_.turn()) return std::nullopt;
    const TransportId id = running_.at(order_.begin()->second).id;
    drop(id);
    return id;
  }
  bool empty() const { return order_.empty(); }
  Time next() const { return order_.begin()->first; }

 private:
  struct Running {
    TransportId id;
    Time until;
    std::size_t left;
  };

  const LoopClock& clock_;
  const Duration& each_;
  Relief& relief_;
  std::unordered_map<std::uint32_t, Running> running_;  // by slot
  std::set<std::pair<Time, std::uint32_t>> order_;
};

}  // namespace parley
