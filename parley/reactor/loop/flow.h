#pragma once

#include <cstddef>
#include <string_view>

#include "parley/base/limits.h"
#include "parley/base/log.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/loop/connection.h"
#include "parley/reactor/loop/crowd.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/loop/reading.h"

namespace parley {

// Keeps those who write in step with those who read: whoever writes to somebody far behind rests for a while,
// as far as that is fair to the others (`Crowd`), and so does who has published its share of a turn. What a
// protocol writes while it is called counts for its connection.
class Flow {
 public:
  Flow(const Limits& limits, const LoopClock& clock, Reading& reading, Log& log)
      : share_(static_cast<std::ptrdiff_t>(limits.sendq_bytes / 4)),
        limits_(limits),
        clock_(clock),
        reading_(reading),
        log_(log),
        loaded_(limits) {}

  void use(const Backend& backend) { backend_ = &backend; }

  // Everybody has a share of this turn again.
  void begin_turn() {
    if (to_far_ != 0) rest_after_all();
    sender_ = nullptr;
  }
  // From here until `leave`, the protocol of this connection is being called. Several pieces of its input,
  // one after another, have one share.
  void enter(Connection& sender) {
    if (sender_ != &sender) {
      if (to_far_ != 0) [[unlikely]] {
        rest_after_all();
      }
      sender_ = &sender;
      left_ = share_;
    }
    calls_ = true;
  }
  void leave() { calls_ = false; }
  // Its place may be used again.
  void forget(const Connection& sender) {
    if (sender_ == &sender) to_far_ = 0;
  }
  // Whether the last one that was called has written anything.
  bool has_published() const { return left_ != share_; }

  // So much was written to this connection alone; and to one that does not lag.
  void published(std::size_t bytes, const Connection& to) {
    left_ -= static_cast<std::ptrdiff_t>(bytes);
    if (left_ < 0 || to.output.any(Output::lagging)) rest_for(bytes, to);
  }
  void published(std::size_t bytes) {
    left_ -= static_cast<std::ptrdiff_t>(bytes);
    if (left_ < 0) [[unlikely]] {
      rest({});
    }
  }
  // So much was told to a group, for which the sender is to rest for so long.
  void published(std::size_t bytes, Duration brake) {
    left_ -= static_cast<std::ptrdiff_t>(bytes);
    if (brake != Duration::zero() || left_ < 0) rest(brake);
  }
  // How long who tells this group something is to rest.
  Duration rest_for(Crowd& crowd);
  bool somebody_lags() const { return !loaded_.empty(); }
  // Whether it must be told anew how the group's members keep up: then each is counted, and it looks.
  bool must_look(const Crowd& crowd) const { return !crowd.knows(loaded_.version()); }
  void count(Crowding& crowding, const Connection& member);
  void look(Crowd& crowd, const Crowding& crowding) {
    crowd.look(crowding, clock_.turn(), loaded_.version());
  }

  // How far a connection is behind, and that the kernel has taken more for it.
  void set_behind(Connection& connection, std::size_t behind) {
    if (connection.output.any(Output::lagging) || loaded_.is(behind)) note(connection, behind);
  }
  void took(const Connection& connection, std::size_t bytes) { loaded_.took(connection.id(), bytes); }
  // It is cut off, since so much waits for it: the log says so, once in a while.
  void cut_off(const Connection& connection, std::string_view why, std::size_t bytes);

 private:
  void note(Connection& connection, std::size_t behind);
  bool moves(const Connection& connection);
  // Outside, nobody is to rest.
  bool may_rest() const { return calls_ && sender_->life == Life::open; }
  // Whether most of what it has written went to single ones far behind.
  bool most_to_far() const { return static_cast<std::ptrdiff_t>(2 * to_far_) > share_ - left_; }
  void brake(Duration time);
  [[gnu::cold]] void rest(Duration time);
  [[gnu::cold]] void rest_for(std::size_t bytes, const Connection& to);
  Duration rest_for_far(bool alone);
  [[gnu::cold]] void rest_after_all();

  const std::ptrdiff_t share_;    // bytes that a connection may publish in a turn
  std::ptrdiff_t left_ = share_;  // of them, for the sender; below 0: it has published more
  bool calls_ = false;            // its protocol is being called
  const Limits& limits_;
  const LoopClock& clock_;
  Reading& reading_;
  Log& log_;
  const Backend* backend_ = nullptr;
  Connection* sender_ = nullptr;
  std::size_t to_far_ = 0;  // what it has written to single ones far behind
  TransportId far_{};       // the last one of these
  bool far_moves_ = false;
  Loaded loaded_;
  Patience patience_{Crowd::percent, Crowd::most, Crowd::most};
  Time silent_until_{};       // so that the log does not say each
  std::size_t unlogged_ = 0;  // who fell behind meanwhile
};

}  // namespace parley
