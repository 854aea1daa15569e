#pragma once

// Private to socket/: the descriptors that poll is asked about, for the poller and for the Poll object.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <vector>

#include "parley/base/clock.h"

namespace parley {

class PollTable {
 public:
  bool contains(int descriptor) const {
    return descriptor >= 0 && at(descriptor) < place_.size() && place_[at(descriptor)] != nowhere;
  }

  // Asks for poll's `events` from now on, in place of what was asked for before. Throws SocketError when
  // the descriptor is not open, and changes nothing then.
  void set(int descriptor, short events, std::uint64_t key);

  // Forgets a descriptor; one that is not there is no error, and it may be closed already.
  void remove(int descriptor);

  // Forgets all that the last `wait` found closed.
  void forget_closed();

  // Calls poll once; a signal ends it. Answers how many are ready, for `tell`.
  int wait(std::optional<Duration> timeout);

  // Calls `take(pollfd, key)` for each of the `left` that are ready until it answers false. It begins after
  // the last one told, so that with more than the taker has room for all have their turn.
  template <class Take>
  void tell(int left, Take take) {
    for (std::size_t i = 0; left > 0 && i < polled_.size(); ++i) {
      if (next_ >= polled_.size()) next_ = 0;
      const std::size_t place = next_++;
      if (polled_[place].revents == 0) continue;
      --left;
      if (!take(polled_[place], keys_[place])) return;
    }
  }

 private:
  static constexpr std::uint32_t nowhere = 0xffffffff;

  static std::size_t at(int descriptor) { return static_cast<std::size_t>(descriptor); }
  void add(int descriptor);

  std::vector<pollfd> polled_;
  std::vector<std::uint64_t> keys_;   // of the same place in polled_
  std::vector<std::uint32_t> place_;  // by descriptor
  std::size_t next_ = 0;
};

}  // namespace parley
