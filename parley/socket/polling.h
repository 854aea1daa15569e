#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/print.h"
#include "parley/socket/select.h"

namespace parley {

class PollTable;

// What `Poll` is asked about a descriptor, and what it answers; several are joined with `|`. The last three
// are told without being asked for.
enum class PollEvent : std::uint8_t {
  none = 0,
  read = 1,          // can be read, or accepted (POLLIN)
  urgent = 2,        // has urgent data (POLLPRI)
  write = 4,         // can be written (POLLOUT)
  end_of_input = 8,  // the peer sends no more (POLLRDHUP). Linux
  error = 16,        // has an error (POLLERR)
  hang_up = 32,      // both directions are over (POLLHUP)
  not_open = 64,     // was closed while it was watched (POLLNVAL)
};

constexpr PollEvent operator|(PollEvent a, PollEvent b) {
  return static_cast<PollEvent>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr PollEvent operator&(PollEvent a, PollEvent b) {
  return static_cast<PollEvent>(static_cast<std::uint8_t>(a) & static_cast<std::uint8_t>(b));
}

// Whether `all` contains `one`: `has(told.events, PollEvent::hang_up)`.
constexpr bool has(PollEvent all, PollEvent one) {
  return (all & one) == one;
}

// `read|hang_up`.
void print(Writer& out, PollEvent events);

// One descriptor that `Poll` found ready, and for what.
struct Polled {
  Selectable what;
  PollEvent events;

  bool operator==(const Polled&) const = default;
};

// Asks the kernel's poll about many descriptors, for those who want to know all that it tells; a Selector is
// simpler. Level-triggered: what is not dealt with is told again. Owns none of them. Used from one thread.
class Poll {
 public:
  Poll();
  ~Poll();
  Poll(Poll&& other) noexcept;
  Poll& operator=(Poll&& other) noexcept;

  // Watches a socket or descriptor. Throws std::invalid_argument when it is watched already, and
  // SocketError when it is not open.
  void add(Selectable what, PollEvent wanted);
  // Watches it for something else. Throws std::out_of_range when it is not watched, and SocketError when it
  // was closed meanwhile.
  void modify(Selectable what, PollEvent wanted);
  // Watches it no more; its descriptor may be closed already. (A closed socket has none to be known by: take
  // it out before, or by the number that it had.) Throws std::out_of_range when it is not watched.
  void remove(Selectable what);

  // Waits until something is ready, and answers all that is, in no order. Without a timeout it waits for
  // ever; with zero, not at all; after it the answer is empty. One that was closed is told as such
  // (`PollEvent::not_open`) until it is removed. Signals neither end nor lengthen it. Throws
  // std::invalid_argument for a negative timeout, and std::logic_error where it may wait inside a
  // reactor's callback.
  std::vector<Polled> poll(std::optional<Duration> timeout = std::nullopt);

 private:
  std::unique_ptr<PollTable> table_;
};

}  // namespace parley
