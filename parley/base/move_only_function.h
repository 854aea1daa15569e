#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace parley {

template <class Signature>
class MoveOnlyFunction;

namespace detail {

// What may hold nothing, and is nothing to be called then.
template <class T>
inline constexpr bool may_be_null = std::is_pointer_v<T> || std::is_member_pointer_v<T>;
template <class Signature>
inline constexpr bool may_be_null<std::function<Signature>> = true;
template <class Signature>
inline constexpr bool may_be_null<MoveOnlyFunction<Signature>> = true;

}  // namespace detail

// Something to be called, which is owned and can be moved, and not copied: C++23's std::move_only_function.
// So it takes what std::function refuses: a lambda that has taken over a std::unique_ptr, for example. What
// is at most three pointers large and moves without throwing is held within; other things cost one block of
// memory. Made of nothing, of a null pointer or of an empty std::function it is empty, and to call it throws
// std::bad_function_call. A const one may be called, as a std::function.
template <class Result, class... Args>
class MoveOnlyFunction<Result(Args...)> {
 public:
  MoveOnlyFunction() noexcept = default;
  MoveOnlyFunction(std::nullptr_t) noexcept {}
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, MoveOnlyFunction> &&
             std::is_constructible_v<std::decay_t<F>, F> &&
             std::is_invocable_r_v<Result, std::decay_t<F>&, Args...>)
  MoveOnlyFunction(F&& call) {
    using Called = std::decay_t<F>;
    if constexpr (detail::may_be_null<std::remove_cvref_t<F>>) {
      if (call == nullptr) return;
    }
    if constexpr (fits<Called>) {
      ::new (static_cast<void*>(place_)) Called(std::forward<F>(call));
      kind_ = &within<Called>;
    } else {
      ::new (static_cast<void*>(place_)) Called*(new Called(std::forward<F>(call)));
      kind_ = &apart<Called>;
    }
  }
  MoveOnlyFunction(MoveOnlyFunction&& other) noexcept { take(other); }
  // What was there before ends last, and may use this object as it does.
  MoveOnlyFunction& operator=(MoveOnlyFunction&& other) noexcept {
    if (this != &other) {
      const MoveOnlyFunction before(std::move(*this));
      take(other);
    }
    return *this;
  }
  ~MoveOnlyFunction() {
    if (kind_->end != nullptr) kind_->end(place_);
  }

  // NOLINTNEXTLINE(performance-unnecessary-value-param): as the signature has them
  Result operator()(Args... args) const { return kind_->call(place_, std::forward<Args>(args)...); }

  explicit operator bool() const noexcept { return kind_ != &empty; }
  friend bool operator==(const MoveOnlyFunction& function, std::nullptr_t) noexcept { return !function; }

 private:
  static constexpr std::size_t room = 3 * sizeof(void*);

  // What is done with one type of things to be called.
  struct Kind {
    Result (*call)(std::byte* place, Args&&... args);
    void (*move)(std::byte* from, std::byte* to) noexcept;  // null: its bytes are all that it is
    void (*end)(std::byte* place) noexcept;                 // null: nothing is to be done
  };

  template <class Called>
  static constexpr bool fits = sizeof(Called) <= room && alignof(Called) <= alignof(void*) &&
                               std::is_nothrow_move_constructible_v<Called>;

  template <class Called>
  static Called& held(std::byte* place) noexcept {
    return *std::launder(reinterpret_cast<Called*>(place));
  }
  template <class Called>
  static Result invoke(Called& called, Args&&... args) {
    if constexpr (std::is_void_v<Result>) {
      std::invoke(called, std::forward<Args>(args)...);  // which may answer something
    } else {
      return std::invoke(called, std::forward<Args>(args)...);
    }
  }

  [[noreturn]] static Result call_nothing(std::byte* /*place*/, Args&&... /*args*/) {
    throw std::bad_function_call();
  }
  template <class Called>
  static Result call_within(std::byte* place, Args&&... args) {
    return invoke(held<Called>(place), std::forward<Args>(args)...);
  }
  template <class Called>
  static void move_within(std::byte* from, std::byte* to) noexcept {
    ::new (static_cast<void*>(to)) Called(std::move(held<Called>(from)));
    held<Called>(from).~Called();
  }
  template <class Called>
  static void end_within(std::byte* place) noexcept {
    held<Called>(place).~Called();
  }
  template <class Called>
  static Result call_apart(std::byte* place, Args&&... args) {
    return invoke(*held<Called*>(place), std::forward<Args>(args)...);
  }
  template <class Called>
  static void end_apart(std::byte* place) noexcept {
    delete held<Called*>(place);
  }

  static constexpr Kind empty{&call_nothing, nullptr, nullptr};
  template <class Called>
  static constexpr Kind within{&call_within<Called>,
                               std::is_trivially_copyable_v<Called> ? nullptr : &move_within<Called>,
                               std::is_trivially_destructible_v<Called> ? nullptr : &end_within<Called>};
  template <class Called>
  static constexpr Kind apart{&call_apart<Called>, nullptr, &end_apart<Called>};

  void take(MoveOnlyFunction& other) noexcept {
    kind_ = std::exchange(other.kind_, &empty);
    if (kind_->move != nullptr) {
      kind_->move(other.place_, place_);
    } else {
      std::memcpy(place_, other.place_, room);
    }
  }

  const Kind* kind_ = &empty;
  alignas(void*) mutable std::byte place_[room]{};
};

}  // namespace parley
