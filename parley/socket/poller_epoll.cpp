#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <sys/epoll.h>

#include "parley/socket/error.h"
#include "parley/socket/fork_count.h"
#include "parley/socket/poller.h"
#include "parley/socket/poller_table.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

class EpollPoller final : public Poller {
 public:
  EpollPoller() : epoll_(open_instance()) {}

  void update(int descriptor, Interest wanted, std::uint64_t key) override {
    if (wanted == Interest::none) return remove(descriptor);
    // Before there is room made for it: a number that is none would take as much memory as it is large.
    if (descriptor < 0 || at(descriptor) >= wanted_.size()) require_open(descriptor);
    if (forked()) begin_anew();
    make_room(wanted_, descriptor, Interest::none);
    const bool taken = registered(descriptor, wanted, key);
    forget_always(descriptor);
    if (!taken) always_.push_back({descriptor, {key, wanted}});
    wanted_[at(descriptor)] = wanted;
  }

  void remove(int descriptor) override {
    if (forked() || !watched(descriptor)) return;
    wanted_[at(descriptor)] = Interest::none;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);  // fails when it is closed already: as well
    forget_always(descriptor);
  }

  std::span<Ready> wait(std::optional<Duration> timeout) override {
    if (forked()) begin_anew();
    if (!always_.empty()) forget_closed_files();
    if (!always_.empty()) timeout = Duration::zero();
    const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(most_ready),
                                 timeout ? milliseconds_up(timeout) : -1);
    if (count < 0) check_wait_error(errno);
    const std::size_t told = count < 0 ? 0 : static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < told; ++i) {
      ready_[i] = {events_[i].data.u64, interest_of[events_[i].events & told_bits]};
    }
    if (!always_.empty()) return with_always(told);
    return {ready_.data(), told};
  }

 private:
  static Descriptor open_instance() {
    Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) throw SocketError("epoll_create1", "", {errno, std::system_category()});
    return epoll;
  }
  // The child of a fork shares the instance with its parent: what it changed there would be changed for
  // both, and what it waited for would be taken from the other. Its own one begins empty.
  bool forked() const { return forks_ != fork_count(); }
  void begin_anew() {
    epoll_ = open_instance();
    wanted_.clear();
    always_.clear();
    forks_ = fork_count();
  }

  static std::size_t at(int descriptor) { return static_cast<std::size_t>(descriptor); }
  bool watched(int descriptor) const {
    return descriptor >= 0 && at(descriptor) < wanted_.size() && wanted_[at(descriptor)] != Interest::none;
  }

  // False where epoll does not take the descriptor at all: a file or /dev/null, which are always ready.
  bool registered(int descriptor, Interest wanted, std::uint64_t key) {
    epoll_event event{};
    if ((wanted & Interest::read) != Interest::none) event.events |= EPOLLIN;
    if ((wanted & Interest::write) != Interest::none) event.events |= EPOLLOUT;
    event.data.u64 = key;
    // What the table believes is wrong when the descriptor was closed, and opened again, behind our back.
    const int likely = watched(descriptor) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    const int other = likely == EPOLL_CTL_MOD ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(epoll_.get(), likely, descriptor, &event) == 0) return true;
    if ((errno == ENOENT || errno == EEXIST) && epoll_ctl(epoll_.get(), other, descriptor, &event) == 0) {
      return true;
    }
    if (errno != EPERM) fail_watching(descriptor, errno);
    return false;
  }

  // What epoll tells of, as we do: a table, since each event of a busy server is looked up in it.
  static constexpr std::uint32_t told_bits = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP;
  static constexpr auto interest_of = [] {
    std::array<Interest, told_bits + 1> table{};
    for (std::uint32_t events = 0; events < table.size(); ++events) {
      if ((events & EPOLLIN) != 0) table[events] = table[events] | Interest::read;
      if ((events & EPOLLOUT) != 0) table[events] = table[events] | Interest::write;
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) table[events] = Interest::both;
    }
    return table;
  }();

  std::span<Ready> with_always(std::size_t told) {
    try {
      ready_.resize(most_ready + always_.size());
    } catch (const std::bad_alloc&) {  // some are told another time
    }
    const std::size_t count = std::min(always_.size(), ready_.size() - told);
    for (std::size_t i = 0; i < count; ++i) ready_[told++] = always_[i].ready;
    return {ready_.data(), told};
  }

  void forget_closed_files() {
    std::erase_if(always_, [this](const Always& one) {
      if (is_open(one.descriptor)) return false;
      wanted_[at(one.descriptor)] = Interest::none;
      return true;
    });
  }
  void forget_always(int descriptor) {
    std::erase_if(always_, [descriptor](const Always& one) { return one.descriptor == descriptor; });
  }

  Descriptor epoll_;
  std::uint32_t forks_ = fork_count();
  struct Always {
    int descriptor;
    Ready ready;
  };
  std::vector<Interest> wanted_;  // by descriptor; the kernel keeps the keys
  std::vector<Always> always_;    // what epoll refuses; hardly ever one
  std::array<epoll_event, most_ready> events_;
  std::vector<Ready> ready_ = std::vector<Ready>(most_ready);  // and room for `always_`, once there is one
};

}  // namespace

std::unique_ptr<Poller> make_epoll_poller() {
  return std::make_unique<EpollPoller>();
}

}  // namespace parley
