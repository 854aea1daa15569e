#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
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
  Reading(const Limits& limits, const LoopClock& clock, Agenda& agenda, Relief& relief)
      : limits_(limits), clock_(clock), agenda_(agenda), relief_(relief) {}
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
  // Unless it rests again, it has gone on, or is not read any more: nothing of its input waits for the loop.
  void went_on(Connection& connection);
  void forget(Connection& connection) {
    if (connection.input.any(Input::waiting)) [[unlikely]] {
      uncount(connection);
    }
  }

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
  void count(Connection& connection);
  void uncount(Connection& connection);
  void limit_input();

  const Limits& limits_;
  const LoopClock& clock_;
  Agenda& agenda_;
  Relief& relief_;
  Backend* backend_ = nullptr;
  std::size_t waiting_ = 0;  // those whose input may wait
  bool many_ = false;        // of them: little is taken in
  std::vector<TransportId> resuming_;
  std::deque<Braked> braked_;  // in the order in which they are due
};

}  // namespace parley
