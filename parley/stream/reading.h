#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "parley/stream/fiber.h"
#include "parley/stream/stream_state.h"

namespace parley::detail {

// A task that waits for input of a stream.
class Reading : protected Suspension {
 public:
  using awaits_in = Fiber;

  // What has come waits where the loop makes the connection rest, so that who reads line by line tells others
  // no more than they can follow.
  bool await_ready() {
    state_->begin_reading();
    return satisfied() && !state_->rests();
  }

  std::string where() const;

  // For the stream. Whether what has come is enough, or there is nothing to wait for.
  virtual bool satisfied() = 0;
  using Suspension::resume;
  using Suspension::wake;
  // The stream goes. The task finds that out in the next turn.
  void forsaken() noexcept {
    wake();
    state_ = nullptr;
  }

 protected:
  explicit Reading(StreamState& state) : state_(&state) {}
  Reading(Reading&&) = default;
  ~Reading() {
    if (waits()) withdraw();
  }

  template <class Promise>
  bool wait(std::coroutine_handle<Promise> who) {
    if (!suspend(who)) return false;
    state_->wait(*this);
    return true;
  }
  // Waits no more. Throws Cancelled if that is why; otherwise the stream.
  StreamState& done();

  StreamState* state_;

 private:
  bool withdraw() noexcept final;
};

class [[nodiscard]] ReadSome final : public Reading {
 public:
  static constexpr std::string_view operation = "read";

  explicit ReadSome(StreamState& state) : Reading(state) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::optional<std::string_view> await_resume();

  bool satisfied() override;
};

class [[nodiscard]] ReadAtMost final : public Reading {
 public:
  static constexpr std::string_view operation = "read";

  ReadAtMost(StreamState& state, std::size_t most) : Reading(state), most_(most) {}

  bool await_ready() { return Reading::await_ready() || most_ == 0; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::optional<std::string_view> await_resume();

  bool satisfied() override;

 private:
  std::size_t most_;
};

class [[nodiscard]] ReadExactly final : public Reading {
 public:
  static constexpr std::string_view operation = "read_exactly";

  ReadExactly(StreamState& state, std::size_t count, std::size_t limit)
      : Reading(state), count_(count), limit_(limit) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::string_view await_resume();

  bool satisfied() override;

 private:
  std::size_t count_;
  std::size_t limit_;
};

// Looks, and takes nothing.
class [[nodiscard]] Fill final : public Reading {
 public:
  static constexpr std::string_view operation = "fill";

  Fill(StreamState& state, std::size_t at_least, std::size_t limit)
      : Reading(state), at_least_(at_least), limit_(limit) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::string_view await_resume();

  bool satisfied() override;

 private:
  std::size_t at_least_;
  std::size_t limit_;
};

// Looks for an end in what has come, each byte once however it comes.
class ReadDelimited : public Reading {
 public:
  bool satisfied() final;

 protected:
  // What the limit is for: all that is read, or the line without its end, "\n" or "\r\n".
  enum class Counted : bool { all, line };

  ReadDelimited(StreamState& state, std::string_view end, std::size_t limit, Counted counted);
  ~ReadDelimited() = default;
  ReadDelimited(ReadDelimited&&) = default;

  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  // Whether so much has come without an end that none can come within the limit any more.
  bool passed(std::string_view held) const;

  std::string_view end_;
  std::size_t limit_;
  std::size_t found_ = nowhere;  // where the end is
  std::size_t looked_ = 0;       // how far it is known not to begin
  Counted counted_;
};

class [[nodiscard]] ReadUntil final : public ReadDelimited {
 public:
  static constexpr std::string_view operation = "read_until";

  ReadUntil(StreamState& state, std::string_view end, std::size_t limit)
      : ReadDelimited(state, end, limit, Counted::all) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::string_view await_resume();
};

class [[nodiscard]] ReadLine final : public ReadDelimited {
 public:
  static constexpr std::string_view operation = "read_line";

  ReadLine(StreamState& state, std::size_t limit) : ReadDelimited(state, "\n", limit, Counted::line) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::optional<std::string_view> await_resume();
};

}  // namespace parley::detail
