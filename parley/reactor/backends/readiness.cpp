#include "parley/reactor/backends/readiness.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

#include "parley/socket/error.h"
#include "parley/socket/opening.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

// What a channel's state tells.
enum State : std::uint32_t {
  reading = 1U << 0,     // input is wanted
  writing = 1U << 1,     // a write waits for room
  ended = 1U << 2,       // the peer's input has ended
  failed = 1U << 3,      // and the failure is told, or will be
  closed = 1U << 4,      // nothing more is told but that
  listed = 1U << 5,      // in changed_
  known_read = 1U << 6,  // what the poller knows
  known_write = 1U << 7,
};

// What a ready descriptor belongs to: a tagged pointer in the poller's key.
enum Tag : std::uint64_t { to_wakeup, to_channel, to_door, to_watch };
constexpr std::uint64_t tag_bits = 3;
constexpr std::uint64_t forgotten = ~std::uint64_t{0};

template <class Target>
std::uint64_t key_of(Target& target, Tag tag) {
  static_assert(alignof(Target) > tag_bits);
  return reinterpret_cast<std::uintptr_t>(&target) | tag;
}

template <class Target>
Target& target_of(std::uint64_t key) {
  return *reinterpret_cast<Target*>(static_cast<std::uintptr_t>(key & ~tag_bits));
}

std::error_code last_error() {
  return {errno, std::system_category()};
}

// An error of one connection that came and went, not of the listener.
bool passes(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM || error == ENETDOWN ||
         error == ENOPROTOOPT || error == EHOSTDOWN || error == EHOSTUNREACH || error == ENETUNREACH;
}

}  // namespace

ReadinessBackend::ReadinessBackend(const BackendSetting& setting, PollerKind poller)
    : up_(setting.up),
      limits_(setting.limits),
      clock_(setting.clock),
      kind_(poller),
      poller_(make_poller(poller)),
      buffer_(std::make_unique_for_overwrite<char[]>(limits_.read_bytes)) {
  poller_->update(wakeup_.descriptor(), Interest::read, to_wakeup);
}

ReadinessBackend::~ReadinessBackend() = default;

// Connections.

void ReadinessBackend::open(Channel& channel, int descriptor) {
  channel.descriptor = descriptor;
  channel.state = 0;
}

void ReadinessBackend::discard(int descriptor) noexcept {
  ::close(descriptor);
}

// The poller is told of a change when it is asked next: pausing and resuming within a turn cost nothing.
void ReadinessBackend::change(Channel& channel) {
  if ((channel.state & listed) != 0) return;
  channel.state |= listed;
  changed_.push_back(&channel);
}

void ReadinessBackend::set_reading(Channel& channel, bool on) {
  channel.state = on ? channel.state | reading : channel.state & ~static_cast<std::uint32_t>(reading);
  change(channel);
}

Written ReadinessBackend::start_write(Channel& channel, std::span<const std::string_view> pieces) {
  std::size_t taken = 0;
  while (!pieces.empty() && (channel.state & failed) == 0) {
    std::size_t count = 1;
    std::size_t wanted = pieces[0].size();
    ssize_t sent = 0;
    if (pieces.size() == 1) {
      sent = ::send(channel.descriptor, pieces[0].data(), wanted, MSG_NOSIGNAL);
    } else {
      std::array<iovec, 64> vector;
      count = std::min(pieces.size(), vector.size());
      wanted = 0;
      for (std::size_t i = 0; i < count; ++i) {
        vector[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
        wanted += pieces[i].size();
      }
      msghdr message{};
      message.msg_iov = vector.data();
      message.msg_iovlen = count;
      sent = ::sendmsg(channel.descriptor, &message, MSG_NOSIGNAL);
    }
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) {
        channel.state |= failed;
        failures_.push_back({&channel, last_error()});
      }
      break;
    }
    taken += static_cast<std::size_t>(sent);
    if (static_cast<std::size_t>(sent) < wanted) break;
    pieces = pieces.subspan(count);
  }
  if (!pieces.empty() && (channel.state & failed) == 0) {
    channel.state |= writing;
    change(channel);
  }
  return {.taken = taken, .pending = false};
}

void ReadinessBackend::shutdown_write(Channel& channel) {
  ::shutdown(channel.descriptor, SHUT_WR);
}

void ReadinessBackend::close(Channel& channel, bool reset) {
  poller_->remove(channel.descriptor);
  forget(key_of(channel, to_channel));
  if (reset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(channel.descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ::close(channel.descriptor);
  channel.descriptor = -1;
  channel.state |= closed;
  closed_.push_back(&channel);
}

void ReadinessBackend::detach(Channel& channel) {
  poller_->remove(channel.descriptor);
  forget(key_of(channel, to_channel));
  channel.state |= closed;
  detached_.push_back(&channel);
}

Address ReadinessBackend::host(const Channel& channel) const {
  RawAddress raw;
  if (::getsockname(channel.descriptor, raw.data(), &raw.size) != 0) return {};
  return from_raw(raw);
}

// Listeners.

Result<Address> ReadinessBackend::listen(Door& door, const Address& address, const ListenOptions& options) {
  Result<Opened> opened = open_listening(address, options);
  if (!opened) return opened.error();
  door.descriptor = opened->descriptor.release();
  if (opened->path) local_paths_.push_back({door.descriptor, std::move(opened->path)});
  return std::move(opened->host);
}

Result<Address> ReadinessBackend::adopt_door(Door& door, int descriptor) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return last_error();
  if (listens == 0) return std::error_code(EINVAL, std::system_category());
  RawAddress raw;
  if (::getsockname(descriptor, raw.data(), &raw.size) != 0) return last_error();
  door.descriptor = descriptor;
  return from_raw(raw);
}

void ReadinessBackend::set_accepting(Door& door, bool on) {
  poller_->update(door.descriptor, on ? Interest::read : Interest::none, key_of(door, to_door));
  if (!on) no_more_from(door);
}

// The door may be the one that is being accepted from, and may be gone when this has returned.
void ReadinessBackend::no_more_from(const Door& door) {
  forget(key_of(door, to_door));
  if (accepting_ == &door) accepting_ = nullptr;
}

bool ReadinessBackend::refuse(Door& door, std::string_view words) {
  return reserve_.refuse(door.descriptor, words);
}

void ReadinessBackend::unlisten(Door& door) {
  poller_->remove(door.descriptor);
  no_more_from(door);
  const auto path = std::find_if(local_paths_.begin(), local_paths_.end(),
                                 [&](const LocalPath& entry) { return entry.descriptor == door.descriptor; });
  Descriptor socket(std::exchange(door.descriptor, -1));
  if (path == local_paths_.end()) return;
  path->path.remove_with(std::move(socket));
  local_paths_.erase(path);
}

void ReadinessBackend::accept(Door& door) {
  accepting_ = &door;
  for (std::size_t i = 0; i < limits_.accept_batch && accepting_ != nullptr; ++i) {
    if (!next_can_be_polled(door)) return rest(door, {EMFILE, std::system_category()});
    RawAddress peer;
    const int descriptor = ::accept4(door.descriptor, peer.data(), &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0) {
      up_.on_accepted(door, descriptor, compact_from_raw(peer));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (passes(errno)) continue;
    return rest(door, last_error());
  }
}

// select takes no descriptor from FD_SETSIZE on: for it, those are all that there are.
bool ReadinessBackend::next_can_be_polled(const Door& door) const {
  if (kind_ != PollerKind::select) return true;
  const Descriptor lowest(::fcntl(door.descriptor, F_DUPFD_CLOEXEC, 0));
  return lowest.get() < FD_SETSIZE;  // none at all: accepting will say so
}

void ReadinessBackend::rest(Door& door, std::error_code error) {
  set_accepting(door, false);
  up_.on_accept_failed(door, error);
}

// Foreign descriptors.

void ReadinessBackend::watch(Watch& watch, int descriptor, Interest wanted) {
  watch.descriptor = descriptor;
  rewatch(watch, wanted);
}

void ReadinessBackend::rewatch(Watch& watch, Interest wanted) {
  watch.state = static_cast<std::uint32_t>(wanted);
  poller_->update(watch.descriptor, wanted, key_of(watch, to_watch));
}

void ReadinessBackend::unwatch(Watch& watch) {
  poller_->remove(watch.descriptor);
  forget(key_of(watch, to_watch));
  watch.descriptor = -1;
}

// The turn.

void ReadinessBackend::gate() {
  tell_failures();
}

void ReadinessBackend::turn(std::optional<Time> deadline) {
  tell_failures();
  settle_changes();
  // A channel's storage goes with this: nothing above and nothing in the batch names it any more.
  if (tell_closed()) deadline = clock_.now();
  if (next_ == batch_.size()) {
    std::optional<Duration> timeout;
    if (deadline) timeout = std::max(Duration::zero(), *deadline - clock_.now());
    const std::span<const Ready> ready = poller_->wait(timeout);
    batch_.assign(ready.begin(), ready.end());
    next_ = 0;
  }
  taken_in_ = 0;
  while (next_ < batch_.size() && taken_in_ < limits_.turn_bytes) dispatch(batch_[next_++]);
}

void ReadinessBackend::tell_failures() {
  while (!failures_.empty()) {
    std::vector<Failure> failures;
    failures.swap(failures_);
    for (const Failure& failure : failures) {
      if ((failure.channel->state & closed) == 0) up_.on_failed(*failure.channel, failure.error);
    }
  }
}

void ReadinessBackend::settle_changes() {
  for (Channel* const channel : changed_) {
    channel->state &= ~static_cast<std::uint32_t>(listed);
    if ((channel->state & closed) != 0) continue;
    const bool read = (channel->state & reading) != 0 && (channel->state & (ended | failed)) == 0;
    const bool write = (channel->state & writing) != 0;
    const std::uint32_t wanted = (read ? known_read : 0U) | (write ? known_write : 0U);
    if ((channel->state & (known_read | known_write)) == wanted) continue;
    channel->state = (channel->state & ~static_cast<std::uint32_t>(known_read | known_write)) | wanted;
    const Interest interest =
        (read ? Interest::read : Interest::none) | (write ? Interest::write : Interest::none);
    try {
      poller_->update(channel->descriptor, interest, key_of(*channel, to_channel));
    } catch (const SocketError& error) {  // select takes no descriptor past FD_SETSIZE
      channel->state |= failed;
      failures_.push_back({channel, error.code()});
    }
  }
  changed_.clear();
  tell_failures();
}

bool ReadinessBackend::tell_closed() {
  if (closed_.empty() && detached_.empty()) return false;
  std::vector<Channel*> gone;
  gone.swap(closed_);
  for (Channel* const channel : gone) up_.on_closed(*channel);
  gone.clear();
  gone.swap(detached_);
  for (Channel* const channel : gone) {
    up_.on_detached(*channel, std::exchange(channel->descriptor, -1), {});
  }
  return true;
}

// What is left of the batch may name what is gone.
void ReadinessBackend::forget(std::uint64_t key) {
  for (std::size_t i = next_; i < batch_.size(); ++i) {
    if (batch_[i].key == key) batch_[i].key = forgotten;
  }
}

void ReadinessBackend::dispatch(const Ready& event) {
  if (event.key == forgotten) return;
  switch (event.key & tag_bits) {
    case to_wakeup:
      return wakeup_.clear();
    case to_channel:
      return serve(target_of<Channel>(event.key), event.ready);
    case to_door:
      return accept(target_of<Door>(event.key));
    case to_watch: {
      auto& watch = target_of<Watch>(event.key);
      const Interest ready = event.ready & static_cast<Interest>(watch.state);
      if (ready != Interest::none) up_.on_ready(watch, ready);
    }
  }
}

void ReadinessBackend::serve(Channel& channel, Interest ready) {
  if ((ready & Interest::write) != Interest::none && (channel.state & writing) != 0) {
    channel.state &= ~static_cast<std::uint32_t>(writing);
    change(channel);
    up_.on_written(channel, 0);
  }
  if ((ready & Interest::read) != Interest::none) receive(channel);
}

void ReadinessBackend::receive(Channel& channel) {
  if ((channel.state & reading) == 0 || (channel.state & (ended | failed | closed)) != 0) return;
  const std::size_t most = std::min(limits_.read_bytes, limits_.turn_bytes - taken_in_);
  const ssize_t count = ::recv(channel.descriptor, buffer_.get(), most, 0);
  if (count > 0) {
    taken_in_ += static_cast<std::size_t>(count);
    return up_.on_received(channel, {buffer_.get(), static_cast<std::size_t>(count)});
  }
  if (count == 0) {
    channel.state |= ended;
    change(channel);
    return up_.on_end(channel);
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
  channel.state |= failed;
  up_.on_failed(channel, last_error());
}

}  // namespace parley
