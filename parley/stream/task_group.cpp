#include "parley/stream/task_group.h"

#include <utility>

namespace parley {

namespace detail {

bool is_cancelled(const std::exception_ptr& error) noexcept {
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const Cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

void report(Reactor& reactor, std::exception_ptr error) {
  // What escapes a call of the loop is logged and told to `Reactor::on_error`.
  reactor.call_later(Duration::zero(), [error = std::move(error)] { std::rethrow_exception(error); });
}

}  // namespace detail

TaskGroup::~TaskGroup() {
  while (first() != nullptr) delete static_cast<detail::MemberOf<void>*>(first());
  // Nobody has joined, so nobody was told.
  if (error_) detail::report(reactor(), error_);
}

void TaskGroup::spawn(Task<> task) {
  // The group is ending: this one ends without having begun, and now, so that nobody has to wait for it.
  if (error_ || ending()) return;
  (new detail::MemberOf<void>(*this, std::move(task)))->start_soon();
}

void TaskGroup::on_ended(detail::Member& member) noexcept {
  const std::unique_ptr<detail::MemberOf<void>> ended(static_cast<detail::MemberOf<void>*>(&member));
  std::exception_ptr error = ended->error();
  // The first error counts. Those that follow come of it, mostly.
  if (error == nullptr || error_ || detail::is_cancelled(error)) return;
  error_ = std::move(error);
  cancel_all(nullptr);
}

Task<> TaskGroup::join() {
  bool cancelled = false;
  do {
    // Whoever was spawned after the last one had ended, and before this goes on, is waited for too.
    cancelled = co_await Nursery::join();
  } while (size() != 0);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  if (cancelled) detail::throw_cancelled();
}

}  // namespace parley
