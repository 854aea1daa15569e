#include "parley/socket/poll_table.h"

#include <cerrno>

#include "parley/socket/poller_table.h"
#include "parley/socket/waiting.h"

namespace parley {

void PollTable::set(int descriptor, short events, std::uint64_t key) {
  require_open(descriptor);
  if (!contains(descriptor)) add(descriptor);
  const std::size_t place = place_[at(descriptor)];
  polled_[place].events = events;
  keys_[place] = key;
}

void PollTable::add(int descriptor) {
  make_room(place_, descriptor, nowhere);
  keys_.push_back(0);
  try {
    polled_.push_back({descriptor, 0, 0});
  } catch (...) {
    keys_.pop_back();
    throw;
  }
  place_[at(descriptor)] = static_cast<std::uint32_t>(polled_.size() - 1);
}

void PollTable::remove(int descriptor) {
  if (!contains(descriptor)) return;
  // The last one takes the free place, so that the array stays dense.
  const std::size_t place = place_[at(descriptor)];
  polled_[place] = polled_.back();
  keys_[place] = keys_.back();
  place_[at(polled_[place].fd)] = static_cast<std::uint32_t>(place);
  place_[at(descriptor)] = nowhere;
  polled_.pop_back();
  keys_.pop_back();
}

// From the back, whose last one takes each free place.
void PollTable::forget_closed() {
  for (std::size_t i = polled_.size(); i-- > 0;) {
    if ((polled_[i].revents & POLLNVAL) != 0) remove(polled_[i].fd);
  }
}

int PollTable::wait(std::optional<Duration> timeout) {
  const int count = ::poll(polled_.data(), polled_.size(), milliseconds_up(timeout));
  if (count < 0) check_wait_error(errno);
  return count;
}

}  // namespace parley
