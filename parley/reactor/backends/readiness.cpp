#include "parley/reactor/backends/readiness.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

#include "parley/process/own_process.h"
#include "parley/reactor/backends/readiness_keys.h"
#include "parley/reactor/backends/sending_file.h"
#include "parley/socket/error.h"
#include "parley/socket/opening.h"
#include "parley/socket/sockaddr.h"

namespace parley {

using readiness::key_of, readiness::target_of, readiness::wakeup_key;
using readiness::to_stream, readiness::to_listener, readiness::to_datagrams, readiness::to_watch;

namespace {

// What a slot's state tells.
enum State : std::uint32_t {
  reading = 1U << 0,     // input is wanted
  writing = 1U << 1,     // a write waits for room
  ended = 1U << 2,       // the peer's input has ended
  failed = 1U << 3,      // and the failure is told, or will be
  closed = 1U << 4,      // nothing more is told but that
  listed = 1U << 5,      // in changed_
  known_read = 1U << 6,  // what the poller knows
  known_write = 1U << 7,
  full = 1U << 8,        // the kernel took no more of what was offered
  connecting = 1U << 9,  // is being made
  named = 1U << 10,      // has a path in the file system
};

constexpr std::uint64_t forgotten = ~std::uint64_t{0};

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
      forks_(fork_count()),
      poller_(make_poller(poller)),
      datagrams_(up_, limits_, poller == PollerKind::select ? FD_SETSIZE : std::numeric_limits<int>::max()),
      buffer_(std::make_unique_for_overwrite<char[]>(limits_.read_bytes)) {
  poller_->update(wakeup_.descriptor(), Interest::read, wakeup_key);
}

ReadinessBackend::~ReadinessBackend() = default;

// Connections.

void ReadinessBackend::open(StreamSlot& slot, Handle handle) {
  slot.handle = handle;
  slot.state = 0;
}

void ReadinessBackend::discard(Handle handle) noexcept {
  ::close(handle.native);
}

// The poller is told of a change when it is asked next: pausing and resuming within a turn cost nothing.
void ReadinessBackend::change(StreamSlot& slot) {
  if ((slot.state & listed) != 0) return;
  slot.state |= listed;
  changed_.push_back(&slot);
}

void ReadinessBackend::set_reading(StreamSlot& slot, bool on) {
  slot.state = on ? slot.state | reading : slot.state & ~static_cast<std::uint32_t>(reading);
  change(slot);
}

// What succeeds or fails at once is told in the next turn, as everything is.
void ReadinessBackend::connect(StreamSlot& slot, const Address& to, const ConnectOptions& options) {
  slot.handle = {};
  slot.state = 0;
  try {
    Result<Connecting> begun = start_connecting(to, options);
    if (!begun) return fail(slot, system_code(begun.error()));
    slot.handle.native = begun->socket.descriptor.release();
    if (begun->socket.path) {
      slot.state |= named;
      local_paths_.push_back({slot.handle.native, std::move(begun->socket.path)});
    }
    if (begun->connected) return connected_.push_back(&slot);
    slot.state |= connecting;
    change(slot);
  } catch (const AddressError&) {
    fail(slot, std::make_error_code(std::errc::invalid_argument));
  }
}

void ReadinessBackend::fail(StreamSlot& slot, std::error_code error) {
  slot.state |= failed;
  failures_.push_back({&slot, error});
}

void ReadinessBackend::register_anew(StreamSlot& slot) {
  slot.state &= ~static_cast<std::uint32_t>(known_read | known_write);
  if ((slot.state & closed) == 0) change(slot);
}

namespace {
std::size_t size_of(std::span<const std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  return size;
}
}  // namespace

// Where `offer` has found the kernel full, asking it again would cost a call for nothing: the poller tells.
Written ReadinessBackend::start_write(StreamSlot& slot, std::span<const std::string_view> pieces) {
  const std::size_t taken = (slot.state & full) != 0 ? 0 : send(slot, pieces);
  slot.state &= ~static_cast<std::uint32_t>(full);
  if (taken < size_of(pieces) && (slot.state & failed) == 0) {
    slot.state |= writing;
    change(slot);
  }
  return {.taken = taken};
}

std::size_t ReadinessBackend::offer(StreamSlot& slot, std::span<const std::string_view> pieces) {
  const std::size_t taken = send(slot, pieces);
  if (taken < size_of(pieces)) slot.state |= full;
  return taken;
}

std::size_t ReadinessBackend::send(StreamSlot& slot, std::span<const std::string_view> pieces) {
  std::size_t taken = 0;
  while (!pieces.empty() && (slot.state & failed) == 0) {
    std::size_t count = 1;
    std::size_t wanted = pieces[0].size();
    ssize_t sent = 0;
    if (pieces.size() == 1) {
      sent = ::send(slot.handle.native, pieces[0].data(), wanted, MSG_NOSIGNAL);
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
      sent = ::sendmsg(slot.handle.native, &message, MSG_NOSIGNAL);
    }
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) {
        fail(slot, last_error());
      }
      break;
    }
    taken += static_cast<std::size_t>(sent);
    if (static_cast<std::size_t>(sent) < wanted) break;
    pieces = pieces.subspan(count);
  }
  return taken;
}

// At most a turn's bytes at once, so that a peer which takes them as fast as they come does not hold up the
// others: the poller tells at once that there is room.
Written ReadinessBackend::start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset,
                                          std::size_t count) {
  std::size_t taken = 0;
  if ((slot.state & (full | failed)) == 0) {
    const FileSent sent =
        send_file(slot.handle.native, file.native, offset, std::min(count, limits_.turn_bytes));
    taken = sent.taken;
    if (sent.error) fail(slot, sent.error);
  }
  slot.state &= ~static_cast<std::uint32_t>(full);
  if (taken < count && (slot.state & failed) == 0) {
    slot.state |= writing;
    change(slot);
  }
  return {.taken = taken};
}

void ReadinessBackend::shutdown_write(StreamSlot& slot) {
  ::shutdown(slot.handle.native, SHUT_WR);
}

// One that could not even begin to connect has no descriptor.
void ReadinessBackend::close(StreamSlot& slot, bool reset) {
  if (slot.handle) {
    poller_->remove(slot.handle.native);
    forget(key_of(slot, to_stream));
    if (reset) {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(slot.handle.native, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    Descriptor socket(std::exchange(slot.handle.native, -1));
    if ((slot.state & named) != 0) take_path(socket.get()).remove_with(std::move(socket));
  }
  slot.state |= closed;
  closed_.push_back(&slot);
}

// The path of a descriptor that is about to go; an empty one where it has none.
BoundPath ReadinessBackend::take_path(int descriptor) {
  const auto found = std::find_if(local_paths_.begin(), local_paths_.end(),
                                  [&](const LocalPath& entry) { return entry.descriptor == descriptor; });
  if (found == local_paths_.end()) return {};
  BoundPath path = std::move(found->path);
  local_paths_.erase(found);
  return path;
}

void ReadinessBackend::detach(StreamSlot& slot) {
  poller_->remove(slot.handle.native);
  forget(key_of(slot, to_stream));
  if ((slot.state & named) != 0) take_path(slot.handle.native).remove();  // its peer knows it by now
  slot.state |= closed;
  detached_.push_back(&slot);
}

Address ReadinessBackend::host(const StreamSlot& slot) const {
  RawAddress raw;
  if (::getsockname(slot.handle.native, raw.data(), &raw.size) != 0) return {};
  return from_raw(raw);
}

// Listeners.

Result<Address> ReadinessBackend::listen(ListenerSlot& slot, const Address& address,
                                         const ListenOptions& options) {
  Result<Opened> opened = open_listening(address, options);
  if (!opened) return opened.error();
  slot.handle.native = opened->descriptor.release();
  if (opened->path) local_paths_.push_back({slot.handle.native, std::move(opened->path)});
  return std::move(opened->host);
}

Result<Address> ReadinessBackend::adopt(ListenerSlot& slot, Handle handle) {
  const int descriptor = handle.native;
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return last_error();
  if (listens == 0) return std::error_code(EINVAL, std::system_category());
  RawAddress raw;
  if (::getsockname(descriptor, raw.data(), &raw.size) != 0) return last_error();
  slot.handle.native = descriptor;
  return from_raw(raw);
}

void ReadinessBackend::set_accepting(ListenerSlot& slot, bool on) {
  slot.state = on ? 1 : 0;  // for `register_anew`
  poller_->update(slot.handle.native, on ? Interest::read : Interest::none, key_of(slot, to_listener));
  if (!on) no_more_from(slot);
}

// The slot may be the one that is being accepted from, and may be gone when this has returned.
void ReadinessBackend::no_more_from(const ListenerSlot& slot) {
  forget(key_of(slot, to_listener));
  if (accepting_ == &slot) accepting_ = nullptr;
}

bool ReadinessBackend::refuse(ListenerSlot& slot, std::string_view words) {
  return reserve_.refuse(slot.handle.native, words);
}

void ReadinessBackend::unlisten(ListenerSlot& slot) {
  poller_->remove(slot.handle.native);
  no_more_from(slot);
  Descriptor socket(std::exchange(slot.handle.native, -1));
  if (BoundPath path = take_path(socket.get())) path.remove_with(std::move(socket));
}

void ReadinessBackend::accept(ListenerSlot& slot) {
  accepting_ = &slot;
  for (std::size_t i = 0; i < limits_.accept_batch && accepting_ != nullptr; ++i) {
    if (!next_can_be_polled(slot)) return rest(slot, {EMFILE, std::system_category()});
    RawAddress peer;
    const int descriptor =
        ::accept4(slot.handle.native, peer.data(), &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0) {
      up_.on_accepted(slot, Handle{descriptor}, compact_from_raw(peer));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (passes(errno)) continue;
    return rest(slot, last_error());
  }
}

// select takes no descriptor from FD_SETSIZE on: for it, those are all that there are.
bool ReadinessBackend::next_can_be_polled(const ListenerSlot& slot) const {
  if (kind_ != PollerKind::select) return true;
  const Descriptor lowest(::fcntl(slot.handle.native, F_DUPFD_CLOEXEC, 0));
  return lowest.get() < FD_SETSIZE;  // none at all: accepting will say so
}

void ReadinessBackend::rest(ListenerSlot& slot, std::error_code error) {
  set_accepting(slot, false);
  up_.on_accept_failed(slot, error);
}

void ReadinessBackend::close(DatagramSlot& slot) {
  forget(key_of(slot, to_datagrams));
  datagrams_.close(slot, *poller_);
}

// Foreign descriptors.

void ReadinessBackend::watch(WatchSlot& slot, Handle handle, Interest wanted) {
  slot.handle = handle;
  rewatch(slot, wanted);
}

void ReadinessBackend::rewatch(WatchSlot& slot, Interest wanted) {
  slot.state = static_cast<std::uint32_t>(wanted);
  poller_->update(slot.handle.native, wanted, key_of(slot, to_watch));
}

void ReadinessBackend::unwatch(WatchSlot& slot) {
  poller_->remove(slot.handle.native);
  forget(key_of(slot, to_watch));
  slot.handle.native = -1;
}

// The turn.

void ReadinessBackend::submit() {
  tell_failures();
}

void ReadinessBackend::turn(std::optional<Time> deadline) {
  // Whoever is told may have something to do: there is no waiting then.
  bool told = tell_failures();
  told = tell_connected() || told;
  told = datagrams_.tell_errors() || told;
  told = settle_changes() || told;
  datagrams_.settle_changes(*poller_);
  // A slot's storage goes with this: nothing above and nothing in the batch names it any more.
  told = tell_closed() || told;
  told = datagrams_.tell_closed() || told;
  if (told || !connected_.empty() || !failures_.empty()) deadline = clock_.now();
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

bool ReadinessBackend::tell_failures() {
  const bool any = !failures_.empty();
  while (!failures_.empty()) {
    std::vector<Failure> failures;
    failures.swap(failures_);
    for (const Failure& failure : failures) {
      if ((failure.slot->state & closed) == 0) up_.on_failed(*failure.slot, failure.error);
    }
  }
  return any;
}

bool ReadinessBackend::tell_connected() {
  std::vector<StreamSlot*> connected;
  connected.swap(connected_);
  for (StreamSlot* const slot : connected) {
    if ((slot->state & closed) == 0) up_.on_connected(*slot);
  }
  return !connected.empty();
}

bool ReadinessBackend::settle_changes() {
  for (StreamSlot* const slot : changed_) {
    slot->state &= ~static_cast<std::uint32_t>(listed);
    if ((slot->state & closed) != 0) continue;
    const bool read = (slot->state & reading) != 0 && (slot->state & (ended | failed | connecting)) == 0;
    const bool write = (slot->state & (writing | connecting)) != 0;
    const std::uint32_t wanted = (read ? known_read : 0U) | (write ? known_write : 0U);
    if ((slot->state & (known_read | known_write)) == wanted) continue;
    slot->state = (slot->state & ~static_cast<std::uint32_t>(known_read | known_write)) | wanted;
    const Interest interest =
        (read ? Interest::read : Interest::none) | (write ? Interest::write : Interest::none);
    try {
      poller_->update(slot->handle.native, interest, key_of(*slot, to_stream));
    } catch (const SocketError& error) {  // select takes no descriptor past FD_SETSIZE
      fail(*slot, error.code());
    }
  }
  changed_.clear();
  return tell_failures();
}

bool ReadinessBackend::tell_closed() {
  if (closed_.empty() && detached_.empty()) return false;
  std::vector<StreamSlot*> gone;
  gone.swap(closed_);
  for (StreamSlot* const slot : gone) up_.on_closed(*slot);
  gone.clear();
  gone.swap(detached_);
  for (StreamSlot* const slot : gone) {
    up_.on_detached(*slot, std::exchange(slot->handle, Handle{}), {});
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
  if (event.key == wakeup_key) {
    if (forks_ == fork_count()) wakeup_.clear();  // a copy that is not renewed yet has its parent's
    return up_.on_woken();
  }
  switch (event.key & readiness::tag_bits) {
    case to_stream:
      return serve(target_of<StreamSlot>(event.key), event.ready);
    case to_listener:
      return accept(target_of<ListenerSlot>(event.key));
    case to_datagrams:
      taken_in_ += datagrams_.serve(target_of<DatagramSlot>(event.key), event.ready);
      return;
    case to_watch: {
      auto& slot = target_of<WatchSlot>(event.key);
      const Interest ready = event.ready & static_cast<Interest>(slot.state);
      if (ready != Interest::none) up_.on_ready(slot, ready);
    }
  }
}

void ReadinessBackend::serve(StreamSlot& slot, Interest ready) {
  if ((slot.state & connecting) != 0) return finish_connecting(slot);
  if ((ready & Interest::write) != Interest::none && (slot.state & writing) != 0) {
    slot.state &= ~static_cast<std::uint32_t>(writing);
    change(slot);
    up_.on_written(slot, 0);
  }
  if ((ready & Interest::read) != Interest::none) receive(slot);
}

void ReadinessBackend::finish_connecting(StreamSlot& slot) {
  slot.state &= ~static_cast<std::uint32_t>(connecting);
  change(slot);
  const std::error_code error = outcome_of_connecting(slot.handle.native);
  if (!error) return up_.on_connected(slot);
  slot.state |= failed;
  up_.on_failed(slot, error);
}

void ReadinessBackend::receive(StreamSlot& slot) {
  if ((slot.state & reading) == 0 || (slot.state & (ended | failed | closed)) != 0) return;
  const std::size_t most = std::min(limits_.read_bytes, limits_.turn_bytes - taken_in_);
  const ssize_t count = ::recv(slot.handle.native, buffer_.get(), most, 0);
  if (count > 0) {
    taken_in_ += static_cast<std::size_t>(count);
    return up_.on_received(slot, {buffer_.get(), static_cast<std::size_t>(count)});
  }
  if (count == 0) {
    slot.state |= ended;
    change(slot);
    return up_.on_end(slot);
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
  slot.state |= failed;
  up_.on_failed(slot, last_error());
}

}  // namespace parley
