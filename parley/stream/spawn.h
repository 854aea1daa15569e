#pragma once

#include <cassert>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "parley/stream/nursery.h"
#include "parley/stream/task.h"
#include "parley/stream/task_group.h"

namespace parley {

namespace detail {

// A nursery of one.
template <class T>
class Alone final : public Nursery {
 public:
  Alone(Reactor& reactor, Task<T> task) : Nursery(reactor), member_(*this, std::move(task)) {
    member_.start_soon();
  }
  ~Alone() {
    if (!taken_ && member_.error() && !is_cancelled(member_.error())) report(reactor(), member_.error());
  }

  bool done() const { return size() == 0; }
  T take() {
    taken_ = true;
    if (!member_.answered() && member_.error() == nullptr) throw Cancelled(member_.why());  // it never began
    if constexpr (std::is_void_v<T>) {
      member_.take();
    } else {
      return member_.take();
    }
  }

 private:
  // Whoever turns the reactor until this is done is not to wait for something else.
  void on_ended(Member& /*member*/) noexcept override {
    reactor().call_later(Duration::zero(), [] {});
  }

  MemberOf<T> member_;
  bool taken_ = false;
};

}  // namespace detail

// A task that runs beside the others, and the handle that owns it: asyncio's Task. When the handle goes, the
// task is dropped where it waits. Move-only. Made by `spawn`; it must not outlive its reactor.
template <class T = void>
class [[nodiscard]] Running {
 public:
  Running() = default;

  // Whether it has ended, in whichever way. A handle that has none has ended.
  bool done() const { return alone_ == nullptr || alone_->done(); }
  // Asks it to end, for this reason (`Cancelled::reason`); it has not yet when this returns. The first
  // counts.
  void cancel(std::string_view reason = {}) {
    if (alone_ != nullptr) alone_->cancel_all(detail::make_why(reason));
  }
  // Waits until it has ended: answers what it answers, throws what it throws. To be awaited once. Whoever is
  // cancelled here cancels it. Throws std::logic_error where the handle has no task.
  Task<T> join() {
    require_task("join");
    co_await alone_->join();
    co_return alone_->take();
  }
  // The same when it is done, for programs that turn the reactor themselves. Once.
  T get() {
    require_task("get");
    assert(done());
    return alone_->take();
  }

 private:
  template <class U>
  friend Running<U> spawn(Reactor& reactor, Task<U> task);

  explicit Running(std::unique_ptr<detail::Alone<T>> alone) : alone_(std::move(alone)) {}

  void require_task(const char* operation) const {
    if (alone_ != nullptr) return;
    throw std::logic_error(std::string(operation) + ": this handle has no task, or was moved");
  }

  std::unique_ptr<detail::Alone<T>> alone_;
};

// Begins a task in the next turn of the reactor. An error that nobody asks for reaches the reactor's error
// handler and log when the handle goes.
template <class T>
Running<T> spawn(Reactor& reactor, Task<T> task) {
  return Running<T>(std::make_unique<detail::Alone<T>>(reactor, std::move(task)));
}

// The same beside the current task.
template <class T>
Running<T> spawn(Task<T> task) {
  return spawn(current_reactor(), std::move(task));
}

}  // namespace parley
