#pragma once

#include "parley/stream/fiber.h"

namespace parley::detail {

// One that waits for another task (at a queue, for a lock ...), in a list in the order of coming. It is in
// one list at a time, and stands in the frame of its task: waiting allocates nothing.
class Waiter : protected Suspension {
 public:
  struct List {
    Waiter* first = nullptr;
    Waiter* last = nullptr;

    bool empty() const { return first == nullptr; }
    void push(Waiter& waiter) noexcept;
    Waiter* pop() noexcept;
    // Nothing where it is in no list.
    void remove(Waiter& waiter) noexcept;
    // Takes all out; they go on in the next turn.
    void wake_all();
  };

  using Suspension::wake;

 protected:
  Waiter() = default;
  Waiter(Waiter&&) = default;
  ~Waiter() = default;

 private:
  bool queued_ = false;  // nobody has served it yet
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

}  // namespace parley::detail
