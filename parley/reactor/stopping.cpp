// How a reactor stops: accepting ends, what is queued leaves, the rest is cut; and who is told of it.

#include <algorithm>
#include <utility>

#include "parley/reactor/loop.h"

namespace parley {

void Loop::stop(Duration drain) {
  post([this, drain] { begin_stop(drain); });
}

std::uint64_t Loop::add_trigger(Stopping when, std::function<void(Hold)> call) {
  triggers_.push_back({.id = ++last_id_, .when = when, .call = std::move(call)});
  return last_id_;
}

void Loop::remove_trigger(std::uint64_t id) {
  std::erase_if(triggers_, [id](const StopCall& trigger) { return trigger.id == id; });
}

// Each is called once; one that is added meanwhile for the same time, too.
void Loop::call_triggers(Stopping when) {
  const std::shared_ptr<void> held(this, [](void* loop) {
    const auto& self = *static_cast<Loop*>(loop);
    if (self.backend_ != nullptr) self.backend_->wake();
  });
  held_ = held;
  const auto next = [&] {
    return std::ranges::find(triggers_, when, [](const StopCall& trigger) { return trigger.when; });
  };
  for (auto trigger = next(); trigger != triggers_.end(); trigger = next()) {
    const std::function<void(Hold)> call = std::move(trigger->call);
    triggers_.erase(trigger);
    guarded([&] { call(Hold(held)); });
    between_callbacks();
  }
}

void Loop::begin_stop(Duration drain) {
  const Time until = later(now(), drain);
  if (stage_ != Stage::running) {  // a second stop may only hurry the first
    drain_until_ = std::min(drain_until_, until);
    return;
  }
  stage_ = Stage::before;
  drain_until_ = until;
  while (!listeners_.empty()) stop_listening(listeners_.begin()->first);
  call_triggers(Stopping::before);
}

// Goes on with stopping as far as it can; whether everything has ended.
bool Loop::stopped() {
  if (stage_ == Stage::running) return false;
  const bool late = now() >= drain_until_;
  if (stage_ == Stage::before) {
    if (!held_.expired() && !late) return false;
    stage_ = Stage::draining;
    call_triggers(Stopping::during);
    table_.each([this](Connection& connection) { lose(connection); });
    datagrams_.stop_all();
    finish();
  }
  if (stage_ == Stage::draining && (table_.in_use() != 0 || !held_.expired())) {
    if (!late) return false;
    stage_ = Stage::aborting;
    table_.each([this](Connection& connection) { abort(connection, Reason(Reason::Kind::aborted), false); });
    finish();
  }
  if (table_.in_use() != 0) return false;
  datagrams_.stop_all();  // what was opened meanwhile
  finish();
  call_triggers(Stopping::after);
  finish();
  let_go();
  stage_ = Stage::running;
  return true;
}

}  // namespace parley
