#include "parley/reactor/loop/flow.h"

#include <new>

#include "parley/base/print.h"
#include "parley/reactor/loop/calls.h"

namespace parley {

void Flow::note(Connection& connection, std::size_t behind) {
  if (loaded_.is(behind)) {
    try {
      loaded_.set(connection.id(), behind, clock_.turn());
      return connection.output.set(Output::lagging);
    } catch (const std::bad_alloc&) {  // nobody waits for it then
    }
  }
  connection.output.clear(Output::lagging);
  loaded_.drop(connection.id());
}

// The kernel tells when it has room for a third of its buffer, which may be a megabyte. So that one which
// reads slowly is not taken for one that has stopped, it is asked in between.
bool Flow::moves(const Connection& connection) {
  const TransportId id = connection.id();
  const Time now = clock_.turn();
  if (loaded_.asks(id, now)) {
    if (const auto held = backend_->held(connection)) loaded_.holds(id, *held);
  }
  return loaded_.moves(id, now);
}

void Flow::count(Crowding& crowding, const Connection& member) {
  if (member.output.any(Output::lagging)) {
    if (!moves(member)) return;
    ++crowding.loaded;
    if (loaded_.far(member.id())) ++crowding.far;
  }
  ++crowding.moving;
  if (member.output.any(Output::waits)) ++crowding.busy;
}

Duration Flow::rest_for(Crowd& crowd) {
  return may_rest() ? crowd.rest(clock_.turn(), limits_.brake, patience_) : Duration::zero();
}

void Flow::brake(Duration time) {
  if (time != Duration::zero()) reading_.brake(*sender_, time);
}

void Flow::rest(Duration time) {
  if (!may_rest()) return;
  brake(time);
  if (left_ < 0) reading_.hold(*sender_);
}

// Whoever writes to one alone waits for it, even if it has stopped: until it reads or is cut off. But a
// program may tell many something one by one; then this one is a few among them, who get what patience there
// is. Which of both it is shows when this one is told the next thing, or when the sender is not called any
// more; and if it was alone the last time, it is again.
void Flow::rest_for(std::size_t bytes, const Connection& to) {
  Duration brake = Duration::zero();
  if (may_rest() && loaded_.far(to.id())) {
    const bool again = to_far_ != 0 && far_ == to.id();
    to_far_ += bytes;
    far_ = to.id();
    far_moves_ = moves(to);
    const bool alone = again ? most_to_far() : far_moves_ && loaded_.rests(far_, sender_->id());
    brake = rest_for_far(alone);
  }
  rest(brake);
}

Duration Flow::rest_for_far(bool alone) {
  const Time now = clock_.turn();
  if (alone) return far_moves_ ? loaded_.rest(far_, sender_->id(), now, limits_.brake) : limits_.brake;
  patience_.pass(now);
  return far_moves_ && patience_.wait(now, limits_.brake, Crowd::kept(limits_.brake)) ? limits_.brake
                                                                                      : Duration::zero();
}

void Flow::rest_after_all() {
  if (most_to_far() && sender_->life == Life::open) brake(rest_for_far(true));
  to_far_ = 0;
}

void Flow::cut_off(const Connection& connection, std::string_view why, std::size_t bytes) {
  if (clock_.turn() < silent_until_) {
    ++unlogged_;
    return;
  }
  silent_until_ = later(clock_.turn(), std::chrono::seconds(10));
  Calls::say(log_, Level::warn, connection.peer(), ' ', why, " and is cut off: ", bytes,
             " bytes wait for it (and ", unlogged_, " others since the last message)");
  unlogged_ = 0;
}

}  // namespace parley
