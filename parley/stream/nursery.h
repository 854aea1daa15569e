#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "parley/reactor/threads/outcome.h"
#include "parley/stream/fiber.h"
#include "parley/stream/task.h"

namespace parley::detail {

class Nursery;

// A fiber that belongs to a nursery, in its list while it lives.
class Member : public Fiber {
 public:
  explicit Member(Nursery& nursery);

  // Whether its task has ended well, and how it failed if it did. Neither: it was cancelled before it began.
  virtual bool answered() const noexcept = 0;
  virtual std::exception_ptr error() const noexcept = 0;

 protected:
  ~Member();
  void ended() noexcept final;

 private:
  friend class Nursery;

  Nursery& nursery_;
  Member* previous_ = nullptr;
  Member* next_ = nullptr;
};

// Fibers that somebody waits for together. It owns none of them: whoever derives from it does.
class Nursery {
 public:
  explicit Nursery(Reactor& reactor) : reactor_(reactor) {}
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  Reactor& reactor() const { return reactor_; }
  std::size_t size() const { return size_; }
  // Asks every member to end. Whoever joins and is cancelled calls it too.
  virtual void cancel_all(const Why& why) noexcept;
  // Whoever joins it was cancelled, and waits for the last of them: nobody new is taken in, or that would
  // never end.
  bool ending() const { return ending_; }

  // Waits until every member has ended. One that waits and is cancelled cancels them, and waits on. Throws
  // std::logic_error where another waits.
  class [[nodiscard]] Join final : Suspension {
   public:
    using awaits_in = Fiber;

    explicit Join(Nursery& nursery) : nursery_(nursery) {}
    Join(Join&&) = default;
    ~Join() {
      if (waits()) leave();
    }

    bool await_ready() const;
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> who) noexcept {
      begin(fiber_of(who), who);
    }
    // Whether it was cancelled meanwhile.
    bool await_resume() noexcept {
      leave();
      return interrupted_;
    }

   private:
    friend class Nursery;
    void begin(Fiber& fiber, std::coroutine_handle<> who) noexcept;
    void leave() noexcept;
    bool withdraw() noexcept override;

    Nursery& nursery_;
    bool interrupted_ = false;
  };
  // One at a time.
  [[nodiscard]] Join join() { return Join(*this); }

 protected:
  ~Nursery() = default;
  Member* first() const { return first_; }
  // For members that are still to come, which are counted and waited for like those that are there.
  void expect() noexcept { ++size_; }
  void expect_no_more(std::size_t count) noexcept;
  // Comes when a member has ended: it may be destroyed here.
  virtual void on_ended(Member& member) noexcept = 0;

 private:
  friend class Member;

  void remove(Member& member) noexcept;

  Reactor& reactor_;
  Member* first_ = nullptr;
  std::size_t size_ = 0;
  Join* joining_ = nullptr;
  bool ending_ = false;
};

// A member with a task of its own.
template <class T>
class MemberOf final : public Member {
 public:
  using Place = std::pair<Nursery&, Task<T>>;

  MemberOf(Nursery& nursery, Task<T> task) : Member(nursery), task_(std::move(task)) {
    task_.begin(*this, nullptr);
  }
  explicit MemberOf(Place place) : MemberOf(place.first, std::move(place.second)) {}

  bool answered() const noexcept override { return task_.answered(); }
  std::exception_ptr error() const noexcept override { return task_.error(); }
  // Its answer, once; or throws its error.
  Something<T> take() {
    if constexpr (std::is_void_v<T>) {
      task_.await_resume();
      return {};
    } else {
      return task_.await_resume();
    }
  }
  // The same as a value. One that was cancelled before it began: Cancelled.
  Outcome<T> outcome() {
    if (task_.answered()) return Outcome<T>(take());
    return Outcome<T>(task_.error() ? task_.error() : std::make_exception_ptr(Cancelled(why())));
  }

 private:
  TaskAwaiter<T> task_;
};

}  // namespace parley::detail
