#pragma once

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/connection.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/relief.h"

namespace parley {

// Which connections are read: the program may pause one, and the loop holds one back that others cannot
// follow. What keeps one from being read is in `Connection::input`; the back end is told when that changes.
class Reading {
 public:
  Reading(const LoopClock& clock, Agenda& agenda, Relief& relief)
      : clock_(clock), agenda_(agenda), relief_(relief) {}
  void use(Backend& backend) { backend_ = &backend; }

  // Has the back end do what the connection's input and life say.
  void update(Connection& connection);

  void pause(Connection& connection);
  // `reading_resumed` follows in the next turn.
  void resume(Connection& connection);
  // It rests for so long.
  void brake(Connection& connection, Duration time);
  // It rests until the next turn.
  void hold(Connection& connection);

  // A filter wants that nothing comes; and no filter does any more.
  void withhold(Connection& connection);
  void allow(Connection& connection);

  // The next one whose brake is over; none: it is the others' time to wait.
  std::optional<TransportId> next_unbraked();
  // Its brake is over.
  void unbrake(Connection& connection);
  bool brakes() const { return !braked_.empty(); }
  Time next_release() const { return braked_.front().until; }

  // Those that are to be told reading_resumed in this turn.
  std::vector<TransportId> take_resumed() { return std::exchange(resuming_, {}); }

 private:
  struct Braked {
    Time until;
    TransportId id;
  };

  static bool wants_input(Connection& connection);
  void put_off(Connection& connection);

  const LoopClock& clock_;
  Agenda& agenda_;
  Relief& relief_;
  Backend* backend_ = nullptr;
  std::vector<TransportId> resuming_;
  std::deque<Braked> braked_;  // in the order in which they are due
};

}  // namespace parley
