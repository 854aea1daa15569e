#pragma once

#include <concepts>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

#include "parley/reactor/reactor.h"
#include "parley/reactor/threads/outcome.h"

namespace parley {

// The reactor has stopped running, or gone, before it has called what a thread waits for.
class ReactorStopped : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

// What a thread waits for. It stands on that thread's stack.
class CallFromThread {
 public:
  CallFromThread(const CallFromThread&) = delete;
  CallFromThread& operator=(const CallFromThread&) = delete;
  virtual void work() noexcept = 0;

 protected:
  CallFromThread() = default;
  ~CallFromThread() = default;
};

template <class Call>
class CallFromThreadOf final : public CallFromThread {
 public:
  using Result = std::decay_t<std::invoke_result_t<Call&>>;

  explicit CallFromThreadOf(Call& call) : call_(call) {}

  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<Result>) {
        call_();
        outcome_.emplace(std::monostate());
      } else {
        outcome_.emplace(call_());
      }
    } catch (...) {
      outcome_.emplace(std::current_exception());
    }
  }
  Result get() { return outcome_->get(); }

 private:
  Call& call_;
  std::optional<Outcome<Result>> outcome_;
};

void wait_for_call(Reactor& reactor, CallFromThread& call);

}  // namespace detail

// Calls `call` in the loop of `reactor`, and waits for it; answers what it answers, and throws what it
// throws: Twisted's blockingCallFromThread. A reactor that does not run yet is waited for. Throws
// ReactorStopped where it stops running, or goes, before that, and between two times that it runs;
// std::logic_error on the thread of the reactor, and inside a callback of another one. Thread: any other.
template <std::invocable Call>
auto blocking_call_from_thread(Reactor& reactor, Call call) {
  detail::CallFromThreadOf<Call> waiting(call);
  detail::wait_for_call(reactor, waiting);
  return waiting.get();
}

}  // namespace parley
