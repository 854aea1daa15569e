#pragma once

#include <cassert>

#include "parley/stream/waiter.h"

namespace parley {

// Something that happens once, for all who wait for it: asyncio's Event. Used on one thread; it must outlive
// those who wait.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { assert(waiting_.empty()); }

  bool is_set() const { return set_; }
  // Those who wait go on in the next turn, also where it is cleared before; whoever comes later does not
  // wait, until `clear`.
  void set() {
    set_ = true;
    waiting_.wake_all();
  }
  void clear() { set_ = false; }
  // Awaited, returns as soon as it is set.
  [[nodiscard]] auto wait() {
    return detail::ListWait(waiting_, [this] { return set_; });
  }

 private:
  bool set_ = false;
  detail::Waiter::List waiting_;
};

}  // namespace parley
