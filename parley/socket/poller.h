#pragma once

// Private to Parley: what the readiness back end and the selectors stand on.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "parley/base/clock.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/interest.h"

namespace parley {

struct Ready {
  std::uint64_t key;
  Interest ready;  // never none
};

// Tells which of many descriptors are ready. Level-triggered: what is not dealt with is told again.
// Used from one thread; owns none of the descriptors. In the child of a fork it may know nothing any more
// (epoll, which both would share): what is to be watched there is told to it again, or to a new one.
class Poller {
 public:
  // The most that one wait answers; the others come next time, and none is passed over for ever.
  static constexpr std::size_t most_ready = 1024;

  virtual ~Poller() = default;

  // Watches `descriptor` for `wanted` from now on, in place of what was wanted before; `none` removes it.
  // `key` comes back with its events. O(1). Throws SocketError, and changes nothing then: a descriptor that
  // is not open, or one that is too large for select.
  virtual void update(int descriptor, Interest wanted, std::uint64_t key) = 0;

  // Forgets a descriptor; one that is not watched is no error. It may be closed already, unless a
  // duplicate of it is still open somewhere (in a child process, say), which epoll would go on telling.
  // What the last wait answered about it stays in that answer. O(1).
  virtual void remove(int descriptor) = 0;

  // Waits until something is ready or the time is over, never less; without a timeout, for ever; with
  // zero (or less), not at all. A signal ends it early, with an empty answer. Errors and hang-ups come
  // as what is wanted, and may come as both: whoever wants one looks at that one. The answer is valid until
  // the next call, and is the caller's to change.
  //
  // A descriptor that was closed while it was watched is told no more, and hides no other. Whatever has its
  // number now is watched after the next `update`, and perhaps before. (Where a duplicate is open elsewhere,
  // epoll goes on telling.)
  virtual std::span<Ready> wait(std::optional<Duration> timeout) = 0;
};

std::unique_ptr<Poller> make_poller(PollerKind kind);

// Ends a wait from elsewhere: its descriptor becomes readable once `signal` was called.
class Wakeup {
 public:
  // Throws SocketError.
  Wakeup();

  int descriptor() const { return descriptor_.get(); }
  // Thread: any, and from signal handlers too. Several before a `clear` are as one. Never blocks.
  void signal() const noexcept;
  // Makes the descriptor unreadable again.
  void clear() const noexcept;
  // In the child of a fork: from now on it ends the waits of this process alone, and not its parent's. The
  // descriptor's number stays. Throws SocketError, and changes nothing then.
  void renew() const;

 private:
  Descriptor descriptor_;
};

}  // namespace parley
