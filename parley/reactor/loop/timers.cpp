#include "parley/reactor/loop/timers.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace parley {

namespace {

constexpr std::size_t children = 4;

}  // namespace

Timers::~Timers() {
  drop();
}

// One by one, and each only when it is out: its captures may cancel others, or ask for them.
void Timers::drop() {
  while (!heap_.empty()) remove(heap_.size() - 1);
}

Timers::Id Timers::add(Time when, MoveOnlyFunction<void()> call) {
  assert(call);
  if (free_ == none) {
    assert(calls_.size() < none);
    calls_.emplace_back().place = none;
    free_ = static_cast<std::uint32_t>(calls_.size() - 1);
  }
  heap_.emplace_back();  // the last that may throw: until here the call's slot is merely a free one
  const std::uint32_t index = free_;
  Call& slot = calls_[index];
  free_ = slot.place;
  slot.run = std::move(call);
  rise(heap_.size() - 1, {when, added_++, index});
  return {index, slot.generation};
}

bool Timers::active(Id id) const {
  // The generation goes up when a call is taken out, so a free slot answers to no id.
  return id.index < calls_.size() && calls_[id.index].generation == id.generation;
}

bool Timers::cancel(Id id) {
  if (!active(id)) return false;
  remove(calls_[id.index].place);
  return true;
}

bool Timers::move(Id id, Time when) {
  if (!active(id)) return false;
  settle(calls_[id.index].place, {when, added_++, id.index});
  return true;
}

std::optional<Time> Timers::due(Id id) const {
  if (!active(id)) return std::nullopt;
  return heap_[calls_[id.index].place].when;
}

MoveOnlyFunction<void()> Timers::take_due(Time now) {
  return take_due(now, added_);
}

MoveOnlyFunction<void()> Timers::take_due(Time now, std::uint64_t before) {
  if (heap_.empty() || heap_.front().when > now || heap_.front().order >= before) return nullptr;
  return remove(0);
}

void Timers::put(std::size_t place, const Entry& entry) {
  heap_[place] = entry;
  calls_[entry.index].place = static_cast<std::uint32_t>(place);
}

void Timers::rise(std::size_t place, Entry entry) {
  while (place > 0) {
    const std::size_t parent = (place - 1) / children;
    if (!before(entry, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void Timers::settle(std::size_t place, Entry entry) {
  for (;;) {
    const std::size_t first = place * children + 1;
    if (first >= heap_.size()) break;
    const auto from = heap_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = heap_.begin() + static_cast<std::ptrdiff_t>(std::min(first + children, heap_.size()));
    const auto least = std::min_element(from, end, before);
    if (!before(*least, entry)) break;
    put(place, *least);
    place = static_cast<std::size_t>(least - heap_.begin());
  }
  rise(place, entry);  // it has sunk, and stays there, or it belongs here or above
}

MoveOnlyFunction<void()> Timers::remove(std::size_t place) {
  const std::uint32_t index = heap_[place].index;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) settle(place, last);

  // The function leaves whole: nobody's destructor runs before everything here is in order again.
  Call& slot = calls_[index];
  MoveOnlyFunction<void()> call = std::exchange(slot.run, nullptr);
  ++slot.generation;
  slot.place = std::exchange(free_, index);
  return call;
}

}  // namespace parley
