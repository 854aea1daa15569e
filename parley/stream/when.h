#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "parley/stream/nursery.h"
#include "parley/stream/task.h"

namespace parley {

namespace detail {

// Members of whom all are needed, or the first that ends. As soon as it is decided, the others are cancelled.
class Combinator final : public Nursery {
 public:
  enum class Until : std::uint8_t { all, first, all_ended };

  Combinator(Reactor& reactor, Until until) : Nursery(reactor), until_(until) {}

  // Once all have ended: throws the error that decided, and Cancelled if nothing did.
  void settle() const;
  const Member* winner() const { return winner_; }

 private:
  void on_ended(Member& member) noexcept override;

  Until until_;
  bool decided_ = false;
  bool missing_ = false;  // somebody was cancelled who was needed
  const Member* winner_ = nullptr;
  std::exception_ptr error_;
};

template <class T>
Task<T> as_task(Task<T> task) {
  return task;
}
template <class A>
Task<AnswerOf<A>> as_task(A awaitable) {
  A local = std::move(awaitable);  // what it holds goes with the answer, and not when all are answered
  co_return co_await std::move(local);
}

template <class... Ts>
Task<std::tuple<Something<Ts>...>> all_of(Task<Ts>... tasks) {
  Combinator combinator(current_reactor(), Combinator::Until::all);
  std::tuple<MemberOf<Ts>...> members(typename MemberOf<Ts>::Place(combinator, std::move(tasks))...);
  std::apply([](auto&... member) { (member.start(), ...); }, members);
  co_await combinator.join();
  combinator.settle();
  co_return std::apply([](auto&... member) { return std::tuple<Something<Ts>...>(member.take()...); },
                       members);
}

template <class... Ts>
Task<std::tuple<Outcome<Ts>...>> outcomes_of(Task<Ts>... tasks) {
  Combinator combinator(current_reactor(), Combinator::Until::all_ended);
  std::tuple<MemberOf<Ts>...> members(typename MemberOf<Ts>::Place(combinator, std::move(tasks))...);
  std::apply([](auto&... member) { (member.start(), ...); }, members);
  // In a variable: g++ 12.
  const bool cancelled = co_await combinator.join();
  if (cancelled) throw_cancelled();
  co_return std::apply([](auto&... member) { return std::tuple<Outcome<Ts>...>(member.outcome()...); },
                       members);
}

template <class... Ts>
Task<std::variant<Something<Ts>...>> first_of(Task<Ts>... tasks) {
  using Answer = std::variant<Something<Ts>...>;
  Combinator combinator(current_reactor(), Combinator::Until::first);
  std::tuple<MemberOf<Ts>...> members(typename MemberOf<Ts>::Place(combinator, std::move(tasks))...);
  std::apply([](auto&... member) { (member.start(), ...); }, members);
  co_await combinator.join();
  combinator.settle();
  std::optional<Answer> answer;
  const auto take = [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((combinator.winner() == &std::get<I>(members)
          ? void(answer.emplace(std::in_place_index<I>, std::get<I>(members).take()))
          : void()),
     ...);
  };
  take(std::index_sequence_for<Ts...>());
  co_return std::move(*answer);
}

template <class T>
void enter(Combinator& combinator, std::deque<MemberOf<T>>& members, std::vector<Task<T>>& tasks) {
  for (Task<T>& task : tasks) members.emplace_back(combinator, std::move(task));
  for (MemberOf<T>& member : members) member.start();
}

}  // namespace detail

// Awaits several things at a time, and answers a tuple of what they answer (of nothing: std::monostate), once
// all have answered. When one fails, the others are cancelled; its error is thrown once they have ended.
template <class... A>
[[nodiscard]] auto when_all(A... awaitables) {
  return detail::all_of(detail::as_task(std::move(awaitables))...);
}

// The same for any number of tasks that answer alike, in their order.
template <class T>
Task<std::vector<detail::Something<T>>> when_all(std::vector<Task<T>> tasks) {
  detail::Combinator combinator(current_reactor(), detail::Combinator::Until::all);
  std::deque<detail::MemberOf<T>> members;
  detail::enter(combinator, members, tasks);
  co_await combinator.join();
  combinator.settle();
  std::vector<detail::Something<T>> answers;
  answers.reserve(members.size());
  for (auto& member : members) answers.push_back(member.take());
  co_return answers;
}

// Awaits the first of several that ends; answers a variant whose index says which it was, or throws its
// error. The others are cancelled, and have ended before it answers.
template <class... A>
[[nodiscard]] auto when_any(A... awaitables) {
  static_assert(sizeof...(A) != 0, "when_any of nothing would never end");
  if constexpr (sizeof...(A) != 0) {
    return detail::first_of(detail::as_task(std::move(awaitables))...);
  } else {
    return Task<>();
  }
}

// The same for any number of tasks that answer alike. Answers its index and its answer. Throws
// std::invalid_argument where there is none, since that would never end.
template <class T>
Task<std::pair<std::size_t, detail::Something<T>>> when_any(std::vector<Task<T>> tasks) {
  if (tasks.empty()) throw std::invalid_argument("when_any: of no tasks, none will ever end");
  detail::Combinator combinator(current_reactor(), detail::Combinator::Until::first);
  std::deque<detail::MemberOf<T>> members;
  detail::enter(combinator, members, tasks);
  co_await combinator.join();
  combinator.settle();
  const auto winner = std::find_if(members.begin(), members.end(),
                                   [&](auto& member) { return &member == combinator.winner(); });
  const auto index = static_cast<std::size_t>(winner - members.begin());
  co_return std::pair<std::size_t, detail::Something<T>>(index, winner->take());
}

// Awaits several things at a time, and answers a tuple of what has come of each, an answer or an exception
// (`Outcome`), once all have ended: asyncio's gather(..., return_exceptions=True). None cancels the others.
template <class... A>
[[nodiscard]] auto gather(A... awaitables) {
  return detail::outcomes_of(detail::as_task(std::move(awaitables))...);
}

// The same for any number of tasks that answer alike, in their order.
template <class T>
Task<std::vector<Outcome<T>>> gather(std::vector<Task<T>> tasks) {
  detail::Combinator combinator(current_reactor(), detail::Combinator::Until::all_ended);
  std::deque<detail::MemberOf<T>> members;
  detail::enter(combinator, members, tasks);
  const bool cancelled = co_await combinator.join();
  if (cancelled) detail::throw_cancelled();
  std::vector<Outcome<T>> outcomes;
  outcomes.reserve(members.size());
  for (auto& member : members) outcomes.push_back(member.outcome());
  co_return outcomes;
}

}  // namespace parley
