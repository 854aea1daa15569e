#include "parley/socket/poll_table.h"
#include "parley/socket/poller.h"
#include "parley/socket/poller_table.h"

namespace parley {

namespace {

class PollPoller final : public Poller {
 public:
  PollPoller() { ready_.reserve(most_ready); }

  void update(int descriptor, Interest wanted, std::uint64_t key) override {
    if (wanted == Interest::none) return remove(descriptor);
    short events = 0;
    if (has(wanted, Interest::read)) events |= POLLIN;
    if (has(wanted, Interest::write)) events |= POLLOUT;
    table_.set(descriptor, events, key);
  }

  void remove(int descriptor) override { table_.remove(descriptor); }

  std::span<Ready> wait(std::optional<Duration> timeout) override {
    ready_.clear();
    for (;;) {
      bool closed = false;
      table_.tell(table_.wait(timeout), [&](const pollfd& told, std::uint64_t key) {
        closed |= (told.revents & POLLNVAL) != 0;
        take(told, key);
        return ready_.size() < most_ready;
      });
      if (closed) table_.forget_closed();
      if (!closed || !ready_.empty()) return ready_;  // said at once: no time has passed
    }
  }

 private:
  void take(const pollfd& told, std::uint64_t key) {
    const bool broken = (told.revents & (POLLERR | POLLHUP)) != 0;
    const int ready = broken ? told.events : told.revents & told.events;
    Interest interest = Interest::none;
    if ((ready & POLLIN) != 0) interest = interest | Interest::read;
    if ((ready & POLLOUT) != 0) interest = interest | Interest::write;
    if (interest != Interest::none) ready_.push_back({key, interest});
  }

  PollTable table_;
  std::vector<Ready> ready_;
};

}  // namespace

std::unique_ptr<Poller> make_poll_poller() {
  return std::make_unique<PollPoller>();
}

}  // namespace parley
