#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/select.h>

#include "parley/socket/poller.h"
#include "parley/socket/poller_table.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

class SelectPoller final : public Poller {
 public:
  SelectPoller() {
    FD_ZERO(&read_);
    FD_ZERO(&write_);
    ready_.reserve(FD_SETSIZE);
  }

  void update(int descriptor, Interest wanted, std::uint64_t key) override {
    if (descriptor >= FD_SETSIZE) {
      fail_watching(descriptor, EINVAL, "select takes descriptors below 1024: use poll or epoll");
    }
    if (wanted != Interest::none) require_open(descriptor);
    remove(descriptor);
    if (wanted == Interest::none) return;
    if ((wanted & Interest::read) != Interest::none) FD_SET(descriptor, &read_);
    if ((wanted & Interest::write) != Interest::none) FD_SET(descriptor, &write_);
    keys_[static_cast<std::size_t>(descriptor)] = key;
    end_ = std::max(end_, descriptor + 1);
  }

  void remove(int descriptor) override {
    if (descriptor < 0 || descriptor >= FD_SETSIZE) return;
    FD_CLR(descriptor, &read_);
    FD_CLR(descriptor, &write_);
    while (end_ > 0 && !watched(end_ - 1)) --end_;
  }

  std::span<Ready> wait(std::optional<Duration> timeout) override {
    ready_.clear();
    for (;;) {
      fd_set readable = read_;
      fd_set writable = write_;
      timeval time = timeval_up(timeout.value_or(Duration::zero()));
      int left = ::select(end_, &readable, &writable, nullptr, timeout ? &time : nullptr);
      if (left < 0 && errno == EBADF) {  // said at once: no time has passed
        forget_closed();
        continue;
      }
      if (left < 0) check_wait_error(errno);
      for (int i = 0; left > 0 && i < end_; ++i) left -= take(i, readable, writable);
      return ready_;
    }
  }

 private:
  bool watched(int descriptor) const { return FD_ISSET(descriptor, &read_) || FD_ISSET(descriptor, &write_); }

  // How many of the sets it stands in.
  int take(int descriptor, const fd_set& readable, const fd_set& writable) {
    const bool reads = FD_ISSET(descriptor, &readable);
    const bool writes = FD_ISSET(descriptor, &writable);
    if (!reads && !writes) return 0;
    const Interest ready =
        (reads ? Interest::read : Interest::none) | (writes ? Interest::write : Interest::none);
    ready_.push_back({keys_[static_cast<std::size_t>(descriptor)], ready});
    return static_cast<int>(reads) + static_cast<int>(writes);
  }

  // One descriptor that was closed while it was watched spoils the whole call.
  void forget_closed() {
    for (int i = end_; i-- > 0;) {
      if (watched(i) && !is_open(i)) remove(i);
    }
  }

  fd_set read_;
  fd_set write_;
  std::array<std::uint64_t, FD_SETSIZE> keys_{};
  int end_ = 0;  // one after the highest that is watched
  std::vector<Ready> ready_;
};

}  // namespace

std::unique_ptr<Poller> make_select_poller() {
  return std::make_unique<SelectPoller>();
}

}  // namespace parley
