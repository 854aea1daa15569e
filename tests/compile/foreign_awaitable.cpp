// What a task cannot await, because nobody would tell its fiber, is refused with a text that says what to do.

#include <coroutine>

#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

// Resumed from wherever somebody has kept the handle.
template <int>
struct Foreign {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) const noexcept { kept = who; }
  int await_resume() const noexcept { return 1; }
  inline static std::coroutine_handle<> kept;
};
template <int N>
struct WithOperator {
  Foreign<N> operator co_await() const noexcept { return {}; }
};
struct WithFreeOperator {};
Foreign<9> operator co_await(WithFreeOperator) noexcept;

// A coroutine of somebody else's.
struct Theirs {
  struct promise_type {
    Theirs get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

Task<> task();

Task<> body(Task<> named) {
  co_await std::suspend_always();                 //! let it try_put into a parley::Queue
  co_await Foreign<1>();                          //! let it try_put into a parley::Queue
  co_await WithOperator<2>();                     //! let it try_put into a parley::Queue
  co_await WithFreeOperator();                    //! let it try_put into a parley::Queue
  (void)co_await with_timeout(1s, Foreign<3>());  //! let it try_put into a parley::Queue
  (void)co_await within(1s, Foreign<4>());        //! let it try_put into a parley::Queue
  (void)co_await as_result(Foreign<5>());         //! let it try_put into a parley::Queue
  (void)co_await when_all(task(), Foreign<6>());  //! let it try_put into a parley::Queue
  (void)co_await when_any(task(), Foreign<7>());  //! let it try_put into a parley::Queue
  co_await named;                                 //! what has a name is moved
  co_await std::move(named);
  auto sleeping = sleep(1s);
  co_await sleeping;  //! what has a name is moved
  co_await std::move(sleeping);
}

Theirs theirs() {
  co_await sleep(1s);  //! is awaited in a parley::Task
  co_return;
}
