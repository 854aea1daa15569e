#pragma once

#include <coroutine>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/reactor.h"
#include "parley/stream/fiber.h"
#include "parley/stream/stream_state.h"

namespace parley::detail {

// A task that waits for room in a stream that it has written to.
class Writing : protected Suspension {
 public:
  using awaits_in = Fiber;
  static constexpr std::string_view operation = "write";

  std::string where() const;

  // For the stream: the list of those who wait for it, and that it goes.
  Writing* next = nullptr;
  using Suspension::wake;
  void forsaken() noexcept {
    flushed_.cancel();
    wake();
    state_ = nullptr;
  }

 protected:
  explicit Writing(StreamState& state) : state_(&state) {}
  Writing(Writing&&) = default;
  ~Writing() {
    if (waits()) withdraw();
  }

  template <class Promise>
  bool wait(std::coroutine_handle<Promise> who) {
    waited_ = true;
    if (!suspend(who)) return false;
    listen();
    return true;
  }
  void finish();
  // As almost always: there was no need to wait, and the connection is there.
  bool written_at_once() const { return !waited_ && state_->connected(); }

  bool withdraw() noexcept final;

  StreamState* state_;

 private:
  void listen();
  void look_again();

  bool waited_ = false;
  Timer flushed_;
};

template <class Bytes>
class [[nodiscard]] Write final : public Writing {
 public:
  Write(StreamState& state, Bytes bytes) : Writing(state), bytes_(std::move(bytes)) {}

  bool await_ready() { return state_->put(bytes_); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  void await_resume() {
    if (!written_at_once()) finish();
  }

 private:
  Bytes bytes_;
};

// Closes, and waits among those until all has left.
class [[nodiscard]] Closed final : public Writing {
 public:
  static constexpr std::string_view operation = "closed";

  explicit Closed(StreamState& state) : Writing(state) {}

  bool await_ready() {
    state_->close();
    return !state_->leaving();
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    if (!suspend(who)) return false;
    state_->wait(*this);
    return true;
  }
  void await_resume();
};

}  // namespace parley::detail
