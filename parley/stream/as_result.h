#pragma once

#include <coroutine>
#include <type_traits>
#include <utility>
#include <variant>

#include "parley/base/result.h"
#include "parley/socket/error.h"
#include "parley/stream/task.h"

namespace parley {

namespace detail {

template <class A>
class [[nodiscard]] ResultAwaiter final {
 public:
  using awaits_in = Fiber;

  explicit ResultAwaiter(A inner) : inner_(std::move(inner)) {}

  bool await_ready() { return inner_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return suspend_in(inner_, who);
  }
  auto await_resume() -> Result<Something<decltype(std::declval<A&>().await_resume())>, SocketError> {
    try {
      if constexpr (std::is_void_v<decltype(inner_.await_resume())>) {
        inner_.await_resume();
        return std::monostate();
      } else {
        return inner_.await_resume();
      }
    } catch (const SocketError& error) {
      return error;
    }
  }

 private:
  A inner_;
};

}  // namespace detail

// Awaits something and answers a Result: its answer, or the SocketError (a Timeout, say) that it threw. For
// handlers that must await where something has failed, which a `catch` does not allow. Other exceptions, and
// Cancelled, come through.
template <class A>
[[nodiscard]] auto as_result(A awaitable) {
  using Awaiter = detail::AwaiterOf<A>;
  return detail::ResultAwaiter<Awaiter>(detail::awaiter_of(std::move(awaitable)));
}

}  // namespace parley
