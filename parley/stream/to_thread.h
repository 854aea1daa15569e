#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "parley/reactor/reactor.h"
#include "parley/stream/task.h"

namespace parley {

namespace detail {

template <class Work>
class [[nodiscard]] ToThread final : Suspension {
 public:
  using awaits_in = Fiber;
  using Result = std::decay_t<std::invoke_result_t<Work&>>;

  explicit ToThread(Work work) : work_(std::move(work)) {}
  ToThread(ToThread&&) = default;
  ~ToThread() {
    if (back_ != nullptr) back_->waiting = nullptr;
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    Fiber& fiber = fiber_of(who);
    if (!suspend(fiber, who)) return false;
    auto back = std::make_shared<Back>();
    back_ = back;
    back->waiting = this;
    fiber.reactor().call_in_thread(std::move(work_), [back](Outcome<Result> outcome) {
      if (back->waiting == nullptr) return;  // the task was dropped
      back->outcome.emplace(std::move(outcome));
      back->waiting->resume();
    });
    return true;
  }
  Result await_resume() {
    throw_if_cancelled();
    return back_->outcome->get();
  }

 private:
  struct Back {
    ToThread* waiting = nullptr;
    std::optional<Outcome<Result>> outcome;
  };

  // The thread goes on with what the task may own: it is waited for.
  bool withdraw() noexcept override { return false; }

  Work work_;
  std::shared_ptr<Back> back_;
};

}  // namespace detail

// Awaited, calls `work` in a thread of the reactor's pool, and answers what it answers, or throws what it
// throws: for what blocks. asyncio's to_thread. A task that is cancelled meanwhile, or whose time is over,
// waits until the thread is done, so that `work` may refer to its locals, and finds that at its next await;
// one that was cancelled before never begins it. Not so a task that is dropped: `work` must not outlive what
// it refers to. Throws ThreadPoolFull; ThreadPoolStopped when the reactor stops before it has begun.
template <class Work>
[[nodiscard]] auto to_thread(Work work) {
  return detail::ToThread<Work>(std::move(work));
}

}  // namespace parley
