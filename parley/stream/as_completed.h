#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parley/reactor/threads/outcome.h"
#include "parley/stream/nursery.h"
#include "parley/stream/queue.h"
#include "parley/stream/task.h"

namespace parley {

// Tasks whose outcomes are taken as they come: asyncio's as_completed. They run from the next turn on; when
// it goes, it drops those that still run.
//
//   AsCompleted<int> coming(std::move(tasks));
//   while (auto next = co_await coming.next()) use(next->first, next->second.get());
template <class T>
class AsCompleted final : detail::Nursery {
 public:
  using Next = std::pair<std::size_t, Outcome<T>>;  // which of the tasks, counted from 0

  // Inside a task.
  explicit AsCompleted(std::vector<Task<T>> tasks)
      : Nursery(current_reactor()), ended_(std::max<std::size_t>(tasks.size(), 1)) {
    Nursery& nursery = *this;
    for (Task<T>& task : tasks) {
      const auto which = members_.size();
      auto& member = members_.emplace_back(nursery, std::move(task));
      which_.emplace(&member, which);
      member.start_soon();
    }
    if (tasks.empty()) ended_.close();
  }

  // Awaited, answers an optional Next as soon as another task has ended; empty once all were answered.
  // Cancelled, no outcome is lost.
  [[nodiscard]] auto next() { return ended_.get(); }
  // Asks those that still run to end, for this reason; their outcome is Cancelled.
  void cancel(std::string_view reason = {}) { cancel_all(detail::make_why(reason)); }
  // How many have not ended.
  using Nursery::size;

 private:
  void on_ended(detail::Member& member) noexcept override {
    ended_.try_put(Next(which_.at(&member), static_cast<detail::MemberOf<T>&>(member).outcome()));
    if (size() == 0) ended_.close();
  }

  Queue<Next> ended_;
  std::deque<detail::MemberOf<T>> members_;
  std::unordered_map<const detail::Member*, std::size_t> which_;
};

}  // namespace parley
