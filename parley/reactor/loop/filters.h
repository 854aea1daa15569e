#pragma once

#include <cstddef>
#include <memory>

#include "parley/base/tape.h"
#include "parley/reactor/filter.h"
#include "parley/reactor/loop/outbox.h"

namespace parley {

// The filters of one connection, and what waits above and in them: for the flush, and for whoever asks how
// much that is. A value of two pointers.
class Filters {
 public:
  // The lowest filter, next to the wire; and what the application has written and no filter has seen.
  Filters(Filter& lowest, Outbox& application) : lowest_(lowest), application_(application) {}

  // What goes to the kernel.
  Outbox& wire() const { return *lowest_.below_; }

  // One step of a flush: each filter, from the application downwards, is shown at most `window` bytes of
  // what waits above it, and once nothing does and our direction `ends`, is asked for its last words; none
  // any more once the connection has gone. Answers whether it is worth another step: one of them has taken a
  // part of what it was shown. Throws what a filter throws.
  bool flush(std::size_t window, bool ends, Tape& scratch, BacklogStore& store) const;
  // All have said their last words.
  bool finished() const;
  // Nothing waits.
  bool empty() const;
  // Nothing that a filter has let down.
  bool nothing_below() const;
  // Something waits above a filter that has deferred it.
  bool deferred() const;
  // Something waits above a filter that has not: it may be input that it waits for.
  bool hold_back() const;

  // The sums of what Outbox tells under these names.
  std::size_t size() const;
  std::size_t behind() const;
  std::size_t held() const;
  std::size_t to_keep() const;
  // Copies what stands on tapes into memory of its own, but for what goes to the kernel.
  void keep_above_wire(BacklogStore& store) const;
  void clear_above_wire(BacklogStore& store) const;

  // A protocol has got its transport, and so have the filters and the application above it. Answers the
  // lowest filter, which it then is; null where there is none.
  static Filter* attach(Protocol& protocol, Transport& transport) {
    protocol.transport_ = &transport;
    Filter* const lowest = protocol.as_filter();
    if (lowest != nullptr) attach(*lowest->application_, transport);
    return lowest;
  }
  // It is told that the connection is made; a filter is flushed from then on.
  static void begin(Protocol& protocol);
  // The one that is to be told next, if somebody is to: the lowest, or one above a filter that has called
  // tell_made.
  Filter* to_begin() const;
  static bool carries_application(const Filter& filter) {
    const Filter* highest = &filter;
    while (const Filter* const next = highest->above()) highest = next;
    return highest->application_ != nullptr;
  }
  // Puts `filter`, and those that it carries, under the application, which stands at `place`: where the
  // connection has it, or the highest filter (`application_place`). What `outbox`, the application's, holds
  // was written before, and leaves without passing them. `made`: the application was told of its connection
  // already; `pauses`: and of pause_writing. It must carry no
  // application.
  static Filter& insert(std::unique_ptr<Protocol>& place, std::unique_ptr<Filter> filter, Outbox& outbox,
                        Transport& transport, bool made, bool pauses);
  std::unique_ptr<Protocol>& application_place() const { return highest().application_; }
  // Of the highest: it has called tell_made; its application was told of its connection, and of
  // pause_writing.
  bool let_begin() const { return highest().lets_begin_; }
  bool application_made() const { return highest().application_made_; }
  bool application_pauses() const { return highest().application_pauses_; }
  // The application is given no input from now on, and not told of it.
  void deafen() const;
  // Whether a filter wants that no input comes.
  bool pause_input() const;

 private:
  bool flush(Filter& filter, std::size_t window, bool ends, Tape& scratch, BacklogStore& store) const;
  Outbox& above(const Filter& filter) const;
  Filter& highest() const;
  template <class Function>
  void each_outbox(Function function) const;

  Filter& lowest_;
  Outbox& application_;
};

}  // namespace parley
