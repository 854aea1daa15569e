#include <cerrno>
#include <poll.h>

#include "parley/socket/poller.h"
#include "parley/socket/poller_table.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

class PollPoller final : public Poller {
 public:
  void update(int descriptor, Interest wanted, std::uint64_t key) override {
    if (wanted == Interest::none) return remove(descriptor);
    if (!watched(descriptor)) add(descriptor);
    const std::size_t place = place_[at(descriptor)];
    polled_[place].events = 0;
    if ((wanted & Interest::read) != Interest::none) polled_[place].events |= POLLIN;
    if ((wanted & Interest::write) != Interest::none) polled_[place].events |= POLLOUT;
    keys_[place] = key;
  }

  void remove(int descriptor) override {
    if (!watched(descriptor)) return;
    // The last one takes the free place, so that the array stays dense.
    const std::size_t place = place_[at(descriptor)];
    polled_[place] = polled_.back();
    keys_[place] = keys_.back();
    place_[at(polled_[place].fd)] = static_cast<std::uint32_t>(place);
    place_[at(descriptor)] = nowhere;
    polled_.pop_back();
    keys_.pop_back();
  }

  std::span<const Ready> wait(std::optional<Duration> timeout) override {
    ready_.clear();
    int left = ::poll(polled_.data(), polled_.size(), milliseconds_up(timeout));
    if (left < 0) check_wait_error(errno);
    // It begins after the last one told, so that with more than fit in one answer all have their turn.
    for (std::size_t i = 0; left > 0 && i < polled_.size() && ready_.size() < most_ready; ++i) {
      if (next_ >= polled_.size()) next_ = 0;
      if (polled_[next_].revents != 0) {
        take(next_);
        --left;
      }
      ++next_;
    }
    return ready_;
  }

 private:
  static constexpr std::uint32_t nowhere = 0xffffffff;

  static std::size_t at(int descriptor) { return static_cast<std::size_t>(descriptor); }
  bool watched(int descriptor) const {
    return descriptor >= 0 && at(descriptor) < place_.size() && place_[at(descriptor)] != nowhere;
  }

  void add(int descriptor) {
    require_open(descriptor);
    make_room(place_, descriptor, nowhere);
    place_[at(descriptor)] = static_cast<std::uint32_t>(polled_.size());
    polled_.push_back({descriptor, 0, 0});
    keys_.push_back(0);
  }

  void take(std::size_t place) {
    const int told = polled_[place].revents;
    const int wanted = polled_[place].events;
    const int ready = (told & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? wanted : told & wanted;
    Interest interest = Interest::none;
    if ((ready & POLLIN) != 0) interest = interest | Interest::read;
    if ((ready & POLLOUT) != 0) interest = interest | Interest::write;
    if (interest != Interest::none) ready_.push_back({keys_[place], interest});
  }

  std::vector<pollfd> polled_;
  std::vector<std::uint64_t> keys_;   // of the same place in polled_
  std::vector<std::uint32_t> place_;  // by descriptor
  std::vector<Ready> ready_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Poller> make_poll_poller() {
  return std::make_unique<PollPoller>();
}

}  // namespace parley
