#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <utility>

#include "parley/stream/fiber.h"
#include "parley/stream/waiter.h"

namespace parley {

class Condition;
class Semaphore;

// What was acquired, of a Semaphore or a Lock: given back when it goes. Move-only.
class [[nodiscard]] Permit {
 public:
  // None.
  Permit() = default;
  Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    Permit before(std::move(*this));
    from_ = std::exchange(other.from_, nullptr);
    return *this;
  }
  ~Permit() { release(); }

  // Gives it back now.
  void release() noexcept;
  // It is not given back: for one who counts with a Semaphore what others `release`.
  void forget() noexcept { from_ = nullptr; }
  // Whether there is one.
  explicit operator bool() const { return from_ != nullptr; }

 private:
  friend class Condition;
  friend class Semaphore;
  explicit Permit(Semaphore& from) : from_(&from) {}

  Semaphore* from_ = nullptr;
};

namespace detail {

// One that waits for a permit, which is handed to it before it goes on: nobody can come in between.
class PermitWaiter : public Waiter {
 protected:
  PermitWaiter() = default;
  PermitWaiter(PermitWaiter&&) = default;
  ~PermitWaiter() = default;

  bool given_ = false;

 private:
  friend class parley::Semaphore;
};

}  // namespace detail

// So many may go on at a time: asyncio's Semaphore. Whoever came first is given the next permit. No permit is
// lost when a task is cancelled, or dropped, that waits for one or has got one. Used on one thread; it must
// outlive those who wait, and their permits.
class Semaphore {
  class Acquire;

 public:
  explicit Semaphore(std::size_t permits) : free_(permits) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  ~Semaphore() { assert(waiting_.empty()); }

  // Awaited, answers a Permit as soon as there is one.
  [[nodiscard]] Acquire acquire() { return Acquire(*this); }
  // The same without waiting: none where there is none now.
  Permit try_acquire() noexcept {
    if (free_ == 0) return {};
    --free_;
    return Permit(*this);
  }
  // One permit more than there were. Permits give themselves back: this is for counting.
  void release() noexcept {
    auto* const waiting = static_cast<detail::PermitWaiter*>(waiting_.pop());
    if (waiting == nullptr) {
      ++free_;
    } else {
      waiting->given_ = true;
      waiting->wake();
    }
  }
  // Permits that nobody has.
  std::size_t available() const { return free_; }

 private:
  friend class Condition;

  class [[nodiscard]] Acquire final : detail::PermitWaiter {
   public:
    using awaits_in = detail::Fiber;

    explicit Acquire(Semaphore& from) : from_(from) {}
    Acquire(Acquire&&) = default;
    ~Acquire() {
      if (waits()) withdraw();
    }

    bool await_ready() noexcept {
      if (from_.free_ == 0) return false;
      --from_.free_;
      return true;
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
      if (!suspend(who)) return false;
      from_.waiting_.push(*this);
      return true;
    }
    Permit await_resume() const {
      throw_if_cancelled();
      return Permit(from_);
    }

   private:
    bool withdraw() noexcept override {
      from_.give_up(*this);
      return true;
    }

    Semaphore& from_;
  };

  // Puts it last, or gives it a permit at once.
  void enqueue(detail::PermitWaiter& waiter) noexcept {
    waiting_.push(waiter);
    if (free_ == 0) return;
    --free_;
    release();
  }
  // It waits no more; what it was given goes to the next.
  void give_up(detail::PermitWaiter& waiter) noexcept {
    waiting_.remove(waiter);
    if (std::exchange(waiter.given_, false)) release();
  }

  std::size_t free_;
  detail::Waiter::List waiting_;  // somebody waits only while none is free
};

inline void Permit::release() noexcept {
  if (Semaphore* const from = std::exchange(from_, nullptr)) from->release();
}

}  // namespace parley
