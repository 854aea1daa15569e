#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/move_only_function.h"
#include "parley/reactor/entry_id.h"

namespace parley {

// What waits for its time, in a heap: adding, cancelling and firing take O(log n), and a million pending
// ones cost their memory alone. The loop's; programs use `Reactor::call_later`.
class Timers {
 public:
  // Names a pending call; after it ran or was cancelled it names nothing.
  using Id = EntryId;

  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers();
  // Drops what is pending. What a dropped call has captured may still use this object while it goes.
  void drop();

  // `call` must not be empty.
  Id add(Time when, MoveOnlyFunction<void()> call);
  bool active(Id id) const;
  // Answers whether it was still pending. The call will not run once this has returned.
  bool cancel(Id id);
  // Moves a pending call to another time, where it counts as added now. Answers whether it was still
  // pending.
  bool move(Id id, Time when);
  // When it will run, while it is pending.
  std::optional<Time> due(Id id) const;

  bool empty() const { return heap_.empty(); }
  // When the first is due; `first` where it is known that there is one.
  std::optional<Time> next() const { return empty() ? std::nullopt : std::optional<Time>(first()); }
  Time first() const { return heap_.front().when; }
  // Takes out the first call that is due at `now`, for the caller to run; empty when there is none.
  // Calls that are due at one time come in the order in which they were added.
  MoveOnlyFunction<void()> take_due(Time now);

  std::size_t size() const { return heap_.size(); }
  // How many calls were added so far: calls added while due ones run wait for the next turn.
  std::uint64_t added() const { return added_; }
  // The same as `take_due`, but empty as well when the first that is due was added (or moved) after the
  // count stood at `before`.
  MoveOnlyFunction<void()> take_due(Time now, std::uint64_t before);

 private:
  struct Entry {
    Time when;
    std::uint64_t order;
    std::uint32_t index;  // of its call
  };
  struct Call {
    MoveOnlyFunction<void()> run;
    std::uint32_t place = 0;  // in the heap; of a free one: the next free one
    std::uint32_t generation = 0;
  };
  static constexpr std::uint32_t none = 0xffffffff;

  static bool before(const Entry& a, const Entry& b) {
    return a.when < b.when || (a.when == b.when && a.order < b.order);
  }
  void put(std::size_t place, const Entry& entry);
  // Put an entry where it belongs: `rise` when that is `place` or above, `settle` when it may be below too.
  void rise(std::size_t place, Entry entry);
  void settle(std::size_t place, Entry entry);
  MoveOnlyFunction<void()> remove(std::size_t place);

  std::vector<Entry> heap_;  // four children to a node: fewer cache lines on the way down
  std::vector<Call> calls_;
  std::uint32_t free_ = none;
  std::uint64_t added_ = 0;
};

}  // namespace parley
