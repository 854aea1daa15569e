#pragma once

#include <cstdint>
#include <utility>

#include "parley/base/bits.h"

namespace parley {

// What the parts of a loop have put in their lists, a bit for each list, so that a turn in which nothing is
// to be done tests one word.
//
// Work that must not run before the next turn is `put_off`: a turn takes the whole word, and with it the
// lists, at its beginning, so that what is added while they are worked off belongs to the turn after; and a
// word that is not empty makes the wait end at once. What follows from a callback within the same turn is
// `left_to_settle`.
class Agenda {
 public:
  enum class Due : std::uint8_t {
    resumed = 1U << 0,    // reading_resumed
    hungry = 1U << 1,     // resume_producing, stop_producing
    posted = 1U << 2,     // calls of this thread or others
    datagrams = 1U << 3,  // held-back ones, and errors
    flush = 1U << 4,      // of filters that had more to give
  };
  enum class Soon : std::uint8_t {
    made = 1U << 0,      // connection_made
    lost = 1U << 1,      // connection_lost
    pressure = 1U << 2,  // pause_writing, resume_writing
    dropped = 1U << 3,   // listeners and watches that nothing is inside of any more
    ports = 1U << 4,     // start_protocol, stop_protocol
  };

  void put_off(Due what) { due_.set(what); }
  Bits<Due> take_due() { return std::exchange(due_, {}); }
  bool due() const { return !due_.none(); }

  // Something waits for a time; until it is found that nothing does.
  void wait_for_time() { timed_ = true; }
  void wait_for_no_time() { timed_ = false; }
  bool timed() const { return timed_; }

  void leave_to_settle(Soon what) { soon_.set(what); }
  Bits<Soon> take_soon() { return std::exchange(soon_, {}); }
  bool unsettled() const { return !soon_.none(); }

 private:
  Bits<Due> due_;
  Bits<Soon> soon_;
  bool timed_ = false;
};

}  // namespace parley
