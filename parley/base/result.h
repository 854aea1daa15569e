#pragma once

#include <cassert>
#include <system_error>
#include <utility>
#include <variant>

namespace parley {

// An operation's outcome where nothing is thrown: a value, or the reason why there is none.
// Asking for the one that is not there is a programmer's mistake and asserts.
template <class T, class E = std::error_code>
class [[nodiscard]] Result {
 public:
  Result(T value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : outcome_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return outcome_.index() == 0; }
  bool ok() const { return outcome_.index() == 0; }

  T& value() & {
    assert(ok());
    return *std::get_if<0>(&outcome_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&outcome_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&outcome_));
  }
  const E& error() const {
    assert(!ok());
    return *std::get_if<1>(&outcome_);
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, E> outcome_;
};

}  // namespace parley
