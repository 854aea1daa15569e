#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string_view>

#include "parley/stream/nursery.h"
#include "parley/stream/task.h"

namespace parley {

// Tasks that run side by side and that nothing outlives: asyncio's TaskGroup.
//
//   TaskGroup group;
//   group.spawn(forward(left, right));
//   group.spawn(forward(right, left));
//   co_await group.join();
//
// When one fails, the others are cancelled; `join` throws the first error once all have ended. A group that
// goes before that, because an exception passes it, drops what still runs: nothing of it goes on.
class TaskGroup final : detail::Nursery {
 public:
  // For a task: on the reactor that runs it.
  TaskGroup() : TaskGroup(current_reactor()) {}
  // For a program with a reactor of its own; the group must not outlive it.
  explicit TaskGroup(Reactor& reactor) : Nursery(reactor) {}
  // An error that was not asked for reaches the reactor's error handler, and its log.
  ~TaskGroup();

  // The task begins in the next turn, and is the group's. In a group that is ending, because one of its tasks
  // has failed or whoever joins it was cancelled, it never begins, and is destroyed here.
  void spawn(Task<> task);
  // Asks every task to end, for this reason. Tasks that are spawned later are not concerned.
  void cancel(std::string_view reason = {}) { cancel_all(detail::make_why(reason)); }
  // How many have not ended.
  std::size_t size() const { return Nursery::size(); }
  using Nursery::reactor;

  // Waits until all have ended, and throws the first error. Whoever is cancelled here cancels the tasks,
  // waits for them, and then throws Cancelled. The group may be used again afterwards.
  Task<> join();

 private:
  void on_ended(detail::Member& member) noexcept override;

  std::exception_ptr error_;
};

namespace detail {

// Whether it is the exception that ends a cancelled task.
bool is_cancelled(const std::exception_ptr& error) noexcept;
// Hands an exception that nobody waits for to the reactor's error handler and log, in the next turn.
void report(Reactor& reactor, std::exception_ptr error);

}  // namespace detail

}  // namespace parley
