#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <stdexcept>
#include <utility>

#include "parley/stream/fiber.h"
#include "parley/stream/waiter.h"

namespace parley {

// What was to be put into a queue that is closed: asyncio's QueueShutDown.
class QueueClosed : public std::logic_error {
 public:
  QueueClosed() : std::logic_error("put: the queue is closed") {}
};

// A channel between tasks: asyncio's Queue. Hands values on in order, and holds at most `bound` that nobody
// has taken: who puts more waits. No value is lost or doubled when a task is cancelled that waits here. Used
// on one thread; it must outlive those who wait at it.
template <class T>
class Queue {
  class Put;
  class Get;

 public:
  // `bound` is at least 1. Throws std::invalid_argument.
  explicit Queue(std::size_t bound) : bound_(bound) {
    if (bound == 0) throw std::invalid_argument("Queue: the bound must be 1 or more");
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() { assert(getters_.empty() && putters_.empty() && joiners_.empty()); }

  // Awaited, hands a value over as soon as there is room. Throws QueueClosed. Cancelled while it waits, the
  // value was not handed over.
  [[nodiscard]] Put put(T value) { return Put(*this, std::move(value)); }
  // The same without waiting: false, and the value is dropped, when there is no room or it is closed.
  bool try_put(T value) {
    if (closed_ || !room()) return false;
    give(std::move(value));
    return true;
  }
  // Awaited, answers the next value; empty once the queue is closed and all was taken.
  [[nodiscard]] Get get() { return Get(*this); }
  // The same without waiting: empty where there is none now.
  std::optional<T> try_get() { return take(); }

  // Who has got a value and is done with it says so; `join`, awaited, returns once that was said of every
  // value that was put in. Throws std::logic_error where there is none that it was not said of.
  void task_done() {
    if (unfinished_ == 0) throw std::logic_error("task_done: called more often than values were put in");
    if (--unfinished_ == 0) joiners_.wake_all();
  }
  [[nodiscard]] auto join() {
    return detail::ListWait(joiners_, [this] { return unfinished_ == 0; });
  }

  // No more is put in; what there is can be got still. Those who wait to put find it closed.
  void close() {
    closed_ = true;
    getters_.wake_all();
    putters_.wake_all();
  }
  bool closed() const { return closed_; }
  // Values that nobody has taken.
  std::size_t size() const { return values_.size(); }

 private:
  using Waiter = detail::Waiter;

  class [[nodiscard]] Put final : Waiter {
   public:
    using awaits_in = detail::Fiber;

    Put(Queue& queue, T value) : queue_(queue), value_(std::move(value)) {}
    Put(Put&&) = default;
    ~Put() {
      if (this->waits()) withdraw();
    }

    bool await_ready() {
      if (queue_.closed_ || !queue_.room()) return queue_.closed_;
      queue_.give(std::move(*value_));
      value_.reset();
      return true;
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) {
      if (!this->suspend(who)) return false;
      queue_.putters_.push(*this);
      return true;
    }
    void await_resume() const {
      this->throw_if_cancelled();
      if (value_) throw QueueClosed();
    }

   private:
    friend class Queue;

    // One whose value was taken is not cancelled here any more.
    bool withdraw() noexcept override {
      queue_.putters_.remove(*this);
      return value_.has_value();
    }

    Queue& queue_;
    std::optional<T> value_;  // until it is in the queue
  };

  class [[nodiscard]] Get final : Waiter {
   public:
    using awaits_in = detail::Fiber;

    explicit Get(Queue& queue) : queue_(queue) {}
    Get(Get&&) = default;
    ~Get() {
      if (this->waits()) withdraw();
    }

    bool await_ready() {
      value_ = queue_.take();
      return value_ || queue_.closed_;
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> who) {
      if (!this->suspend(who)) return false;
      queue_.getters_.push(*this);
      return true;
    }
    std::optional<T> await_resume() {
      this->throw_if_cancelled();
      // It was told of the end, and another one has given a value back since.
      if (!value_) value_ = queue_.take();
      return std::move(value_);
    }

   private:
    friend class Queue;

    // One that was given a value and has not gone on yet gives it back.
    bool withdraw() noexcept override {
      queue_.getters_.remove(*this);
      if (!value_) return true;
      queue_.put_back(std::move(*value_));
      value_.reset();
      return true;
    }

    Queue& queue_;
    std::optional<T> value_;
  };

  bool room() const { return values_.size() < bound_; }

  // To who waits first, or into the queue.
  void give(T value) {
    ++unfinished_;
    if (auto* const waiting = static_cast<Get*>(getters_.pop())) {
      waiting->value_ = std::move(value);
      waiting->wake();
    } else {
      values_.push_back(std::move(value));
    }
  }
  void put_back(T value) {
    if (auto* const waiting = static_cast<Get*>(getters_.pop())) {
      waiting->value_ = std::move(value);
      waiting->wake();
    } else {
      values_.push_front(std::move(value));
    }
  }
  std::optional<T> take() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    if (room()) {
      if (auto* const waiting = static_cast<Put*>(putters_.pop())) {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): who waits to put has something
        values_.push_back(*std::exchange(waiting->value_, std::nullopt));
        ++unfinished_;
        waiting->wake();
      }
    }
    return value;
  }

  std::size_t bound_;
  bool closed_ = false;
  std::size_t unfinished_ = 0;  // values that were put in, and not said to be done
  std::deque<T> values_;
  Waiter::List getters_;  // somebody waits only while there are no values
  Waiter::List putters_;  // and here only while there is no room
  Waiter::List joiners_;
};

}  // namespace parley
