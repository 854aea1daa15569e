#pragma once

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

// What has come of a call in a thread: its result, or the exception that it threw.
template <class T>
class Outcome {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  explicit Outcome(Value value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  explicit Outcome(std::exception_ptr error) : outcome_(std::in_place_index<1>, std::move(error)) {}

  // Whether there is a result.
  explicit operator bool() const { return outcome_.index() == 0; }
  // The result, which is moved out. Throws what the call threw; ThreadPoolStopped where it never began.
  T get() {
    if (outcome_.index() == 1) std::rethrow_exception(std::get<1>(outcome_));
    if constexpr (!std::is_void_v<T>) return std::move(std::get<0>(outcome_));
  }
  // What it threw; null where there is a result.
  std::exception_ptr error() const { return outcome_.index() == 1 ? std::get<1>(outcome_) : nullptr; }

 private:
  std::variant<Value, std::exception_ptr> outcome_;
};

}  // namespace parley
