#pragma once

// What `Reactor::call_in_thread` makes of its two functions.

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "parley/reactor/threads/outcome.h"

namespace parley {

namespace detail {

// A call on its way through a thread and back to the loop.
class ThreadCall {
 public:
  ThreadCall() = default;
  ThreadCall(const ThreadCall&) = delete;
  ThreadCall& operator=(const ThreadCall&) = delete;
  virtual ~ThreadCall() = default;
  virtual void work() noexcept = 0;
  virtual void drop(std::exception_ptr why) = 0;
  virtual void tell() = 0;

  std::size_t place = 0;  // among those that have not come back
};

template <class Work, class Then>
class ThreadCallOf final : public ThreadCall {
 public:
  using Result = std::decay_t<std::invoke_result_t<Work&>>;

  ThreadCallOf(Work work, Then then) : work_(std::move(work)), then_(std::move(then)) {}

  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<Result>) {
        (*work_)();
        outcome_.emplace(std::monostate());
      } else {
        outcome_.emplace((*work_)());
      }
    } catch (...) {
      outcome_.emplace(std::current_exception());
    }
    work_.reset();  // what it holds ends in the thread that used it
  }
  void drop(std::exception_ptr why) override { outcome_.emplace(std::move(why)); }
  void tell() override { then_(std::move(*outcome_)); }

 private:
  std::optional<Work> work_;
  Then then_;
  std::optional<Outcome<Result>> outcome_;
};

}  // namespace detail

}  // namespace parley
