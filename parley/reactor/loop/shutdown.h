#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "parley/base/clock.h"
#include "parley/base/move_only_function.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/stopping.h"

namespace parley {

// How a loop stops: accepting ends, what is queued leaves, the rest is cut; and who is told of it. The loop
// asks after each turn how far it is, and does what each step asks for.
class ShutdownSequence {
 public:
  // What each step does.
  class Steps {
   public:
    virtual void stop_accepting() = 0;
    virtual void begin_closing() = 0;  // connections close in good order, sockets of datagrams at once
    virtual void cut_off() = 0;        // what has not closed by now
    virtual void close_late() = 0;     // what was opened meanwhile
    virtual bool all_closed() const = 0;
    // Calls it as the program's.
    virtual void call_trigger(const MoveOnlyFunction<void()>& trigger) = 0;
    // Does what follows from what was called.
    virtual void settle() = 0;
    virtual void wake() noexcept = 0;

   protected:
    ~Steps() = default;
  };

  explicit ShutdownSequence(Steps& steps) : steps_(steps) {}

  EntryId add(Stopping when, MoveOnlyFunction<void(Hold)> call);
  void remove(EntryId id) { take(id); }
  // Lets go of all. What they hold may add and remove some as it goes.
  void drop();

  // Stops, and is late at `until`. A second time may only hurry the first.
  void begin(Time until);
  // Goes on as far as it can; whether everything has ended. Not to be called unless `begun`.
  bool over(Time now);
  bool begun() const { return phase_ != Phase::running; }
  // Connections are being closed, and what is made now is closed too.
  bool closing() const { return phase_ == Phase::draining || phase_ == Phase::aborting; }
  // When it is late, where that is still to come.
  std::optional<Time> deadline() const {
    return phase_ == Phase::before || phase_ == Phase::draining ? std::optional<Time>(late_) : std::nullopt;
  }

 private:
  enum class Phase { running, before, draining, aborting };
  struct Call {
    std::uint64_t order;
    Stopping when;
    MoveOnlyFunction<void(Hold)> call;
  };

  using Order = std::map<std::uint64_t, EntryId>;  // in which they were added

  void call_triggers(Stopping when);
  Order& order_of(Stopping when) { return orders_[static_cast<std::size_t>(when)]; }
  std::unique_ptr<Call> take(EntryId id);

  Steps& steps_;
  Phase phase_ = Phase::running;
  Time late_{};
  Registry<Call> triggers_;
  std::array<Order, 3> orders_;  // there may be one for each of many tasks
  std::uint64_t added_ = 0;
  std::weak_ptr<void> held_;  // the present phase, by those who need time
};

}  // namespace parley
