#include "parley/reactor/loop/shutdown.h"

#include <algorithm>
#include <utility>

namespace parley {

EntryId ShutdownSequence::add(Stopping when, MoveOnlyFunction<void(Hold)> call) {
  const std::uint64_t number = ++added_;
  const EntryId id = triggers_.add(std::make_unique<Call>(Call{number, when, std::move(call)}));
  order_of(when).emplace(number, id);
  return id;
}

std::unique_ptr<ShutdownSequence::Call> ShutdownSequence::take(EntryId id) {
  std::unique_ptr<Call> call = triggers_.take(id);
  if (call != nullptr) order_of(call->when).erase(call->order);
  return call;
}

// One by one, and each only when it is out.
void ShutdownSequence::drop() {
  while (!triggers_.empty()) {
    for (Order& order : orders_) {
      while (!order.empty()) take(order.begin()->second);
    }
  }
}

void ShutdownSequence::begin(Time until) {
  if (begun()) {
    late_ = std::min(late_, until);
    return;
  }
  phase_ = Phase::before;
  late_ = until;
  steps_.stop_accepting();
  call_triggers(Stopping::before);
}

bool ShutdownSequence::over(Time now) {
  const bool late = now >= late_;
  if (phase_ == Phase::before) {
    if (!held_.expired() && !late) return false;
    phase_ = Phase::draining;
    call_triggers(Stopping::during);
    steps_.begin_closing();
    steps_.settle();
  }
  if (phase_ == Phase::draining && (!steps_.all_closed() || !held_.expired())) {
    if (!late) return false;
    phase_ = Phase::aborting;
    steps_.cut_off();
    steps_.settle();
  }
  if (!steps_.all_closed()) return false;
  // Somebody who was told of a loss may have opened something.
  steps_.close_late();
  steps_.settle();
  call_triggers(Stopping::after);
  steps_.settle();
  phase_ = Phase::running;
  return true;
}

// Each is called once; one that is added meanwhile for the same time, too.
void ShutdownSequence::call_triggers(Stopping when) {
  // Owns nothing: when the last copy goes, the loop is woken and looks how far the phase is.
  const std::shared_ptr<void> held(
      this, [](void* shutdown) { static_cast<ShutdownSequence*>(shutdown)->steps_.wake(); });
  held_ = held;
  while (!order_of(when).empty()) {
    const std::unique_ptr<Call> trigger = take(order_of(when).begin()->second);
    steps_.call_trigger([&] { trigger->call(Hold(held)); });
  }
}

}  // namespace parley
