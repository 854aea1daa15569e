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

void Flow::count(Crowding& crowding, const Connection& member) const {
  if (member.output.any(Output::lagging)) {
    if (!loaded_.moves(member.id(), clock_.turn())) return;
    ++crowding.loaded;
    crowding.far = crowding.far || loaded_.far(member.id());
  }
  ++crowding.moving;
  if (member.output.any(Output::waits)) ++crowding.busy;
}

bool Flow::waits_for(Crowd& crowd) {
  return may_rest() && crowd.waits(clock_.turn(), limits_.brake, patience_);
}

void Flow::rest(bool brake) {
  if (!may_rest()) return;
  if (brake) reading_.brake(*sender_);
  if (published_ > share_) reading_.hold(*sender_);
}

// Whoever writes to one alone waits for it, even if it has stopped: until it reads or is cut off. But a
// program may tell many something one by one; then this one is a few among them, who get what patience there
// is. Which of both it is shows when this one is told the next thing, or when the sender is not called any
// more.
void Flow::rest_for(std::size_t bytes, const Connection& to) {
  bool brake = false;
  if (may_rest() && loaded_.far(to.id())) {
    const bool first = to_far_ == 0;
    to_far_ += bytes;
    patience_.pass(clock_.turn());
    brake = (loaded_.moves(to.id(), clock_.turn()) && patience_.wait(clock_.turn(), limits_.brake)) ||
            (!first && 2 * to_far_ > published_);
  }
  rest(brake);
}

void Flow::rest_after_most() {
  if (2 * to_far_ > published_ && sender_->life == Life::open) reading_.brake(*sender_);
  to_far_ = 0;
}

void Flow::fell_behind(const Connection& connection, std::size_t behind) {
  if (clock_.turn() < silent_until_) {
    ++unlogged_;
    return;
  }
  silent_until_ = later(clock_.turn(), std::chrono::seconds(10));
  Calls::say(log_, Level::warn, connection.peer(), " reads too slowly and is cut off: ", behind,
             " bytes wait for it (and ", unlogged_, " others since the last message)");
  unlogged_ = 0;
}

}  // namespace parley
