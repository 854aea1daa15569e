#pragma once

#include <coroutine>
#include <utility>

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

// Waits in a list until it is woken there; not where it is `ready` before. Cancelled, it takes nothing along.
template <class Ready>
class [[nodiscard]] ListWait final : Waiter {
 public:
  using awaits_in = Fiber;

  ListWait(Waiter::List& list, Ready ready) : list_(list), ready_(std::move(ready)) {}
  ListWait(ListWait&&) = default;
  ~ListWait() {
    if (waits()) withdraw();
  }

  bool await_ready() const noexcept { return ready_(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    if (!suspend(who)) return false;
    list_.push(*this);
    return true;
  }
  void await_resume() const { throw_if_cancelled(); }

 private:
  bool withdraw() noexcept override {
    list_.remove(*this);
    return true;
  }

  Waiter::List& list_;
  Ready ready_;
};

}  // namespace parley::detail
