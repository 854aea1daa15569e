#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/reactor.h"
#include "parley/reactor/threads/call_from_thread.h"
#include "parley/socket/blocking.h"
#include "parley/stream/task.h"

namespace parley {

namespace detail {

// A task that another thread has begun. The reactor owns it, by what it calls when it stops.
template <class T>
class FromThread final : public Fiber {
 public:
  // What is posted to the reactor; when it goes unused, whoever waits for the answer is told so.
  struct Begun {
    Task<T> task;
    std::promise<T> promise;
  };
  // Where it is while it runs: used on the reactor's thread.
  using Place = std::shared_ptr<FromThread*>;

  static void begin(Reactor& reactor, Begun& begun, Place place, bool stops) {
    const auto fiber = std::make_shared<FromThread>(reactor, begun, std::move(place));
    if (stops) {  // nobody would cancel it any more
      fiber->cancel(make_why("the reactor stops"));
      return fiber->start();
    }
    // It owns the task. One that has not ended by then is dropped.
    fiber->owner_ = reactor.on_stop(Stopping::after, [fiber] {});
    fiber->trigger_ = reactor.on_stop(Stopping::before, [task = fiber.get()](Hold hold) {
      task->hold_ = std::move(hold);
      task->cancel(make_why("the reactor stops"));
    });
    fiber->start_soon();
  }

  FromThread(Reactor& reactor, Begun& begun, Place place)
      : Fiber(reactor),
        promise_(std::move(begun.promise)),
        place_(std::move(place)),
        task_(std::move(begun.task)) {
    *place_ = this;
    task_.begin(*this, nullptr);
  }
  ~FromThread() { *place_ = nullptr; }

 private:
  void ended() noexcept override {
    if (!task_.answered()) {
      const std::exception_ptr error = task_.error();
      promise_.set_exception(error ? error : std::make_exception_ptr(Cancelled(why())));
    } else if constexpr (std::is_void_v<T>) {
      promise_.set_value();
    } else {
      promise_.set_value(task_.await_resume());
    }
    trigger_.remove();
    Trigger owner = owner_;
    owner.remove();  // last: it owns this
  }

  std::promise<T> promise_;
  Place place_;
  Trigger owner_, trigger_;
  Hold hold_;
  TaskAwaiter<T> task_;
};

}  // namespace detail

// A task that runs on a reactor, in the hands of another thread, which made it by `spawn_from_thread`.
// Move-only; when it goes, the task goes on. Thread: the one that has it.
template <class T>
class [[nodiscard]] RemoteTask {
 public:
  // Blocks until it has ended; answers what it answers, throws what it throws: once. Throws Cancelled where
  // the reactor stops before, std::future_error where the task did not begin or end by then or the reactor
  // has gone; std::logic_error on a reactor's thread, inside a callback.
  T get() {
    require_blocking_allowed("get");
    return future_.get();
  }
  // Blocks for at most so long; answers whether it has ended.
  bool wait_for(Duration time) {
    require_blocking_allowed("wait_for");
    return future_.wait_for(time) == std::future_status::ready;
  }
  // Asks it to end, for this reason. The reactor must be there still.
  void cancel(std::string_view reason = {}) {
    reactor_->post([place = place_, why = detail::make_why(reason)] {
      if (*place != nullptr) (*place)->cancel(why);
    });
  }

 private:
  template <class U>
  friend RemoteTask<U> spawn_from_thread(Reactor& reactor, Task<U> task);
  using Place = typename detail::FromThread<T>::Place;

  RemoteTask(Reactor& reactor, std::future<T> future) : reactor_(&reactor), future_(std::move(future)) {}

  Reactor* reactor_;
  Place place_ = std::make_shared<detail::FromThread<T>*>(nullptr);
  std::future<T> future_;
};

// Begins a task on a reactor that runs on another thread: asyncio's run_coroutine_threadsafe. When that
// reactor stops, the task is cancelled and waited for as long as it drains. One that does not run yet is
// waited for; between two times that it runs, nothing is begun (`RemoteTask::get` says so). Thread: any.
template <class T>
RemoteTask<T> spawn_from_thread(Reactor& reactor, Task<T> task) {
  using Remote = detail::FromThread<T>;
  typename Remote::Begun begun{std::move(task), {}};
  RemoteTask<T> remote(reactor, begun.promise.get_future());
  detail::call_from_thread(reactor,
                           [&reactor, begun = std::move(begun), place = remote.place_](bool stops) mutable {
                             Remote::begin(reactor, begun, std::move(place), stops);
                           });
  return remote;
}

}  // namespace parley
