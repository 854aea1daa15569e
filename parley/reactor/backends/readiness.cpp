#include "parley/reactor/backends/readiness.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "parley/process/own_process.h"
#include "parley/reactor/backends/readiness_keys.h"
#include "parley/reactor/backends/readiness_stream_state.h"
#include "parley/socket/error.h"
#include "parley/socket/opening.h"
#include "parley/socket/sockaddr.h"

namespace parley {

using namespace readiness::stream_state;
using readiness::key_of, readiness::target_of, readiness::wakeup_key, readiness::forgotten_key;
using readiness::to_stream, readiness::to_listener, readiness::to_datagrams, readiness::to_watch;

namespace {

std::error_code last_error() {
  return {errno, std::system_category()};
}

// Input of it is taken when there is some.
bool is_read(const StreamSlot& slot) {
  return (slot.state & (reading | ended | failed | closed | connecting)) == reading;
}

// What a listener does for those that it accepts: Unix sockets do not inherit the sizes of their buffers.
std::uint32_t state_for(const Address& host, const ListenOptions& options) {
  const bool gives = options.send_buffer > 0 || options.receive_buffer > 0;
  return host.family() == Family::local && gives ? readiness::gives_buffers : 0;
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
      buffer_bytes_(limits_.read_bytes),
      buffer_(std::make_unique_for_overwrite<char[]>(buffer_bytes_)) {
  poller_->update(wakeup_.descriptor(), Interest::read, wakeup_key);
}

// What was to be handed over is nobody's any more.
ReadinessBackend::~ReadinessBackend() {
  for (const StreamSlot* const slot : detached_) ::close(slot->handle.native);
}

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
  add(changed_, &slot, up_);
  noted_ = true;
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
      add(local_paths_, LocalPath{slot.handle.native, std::move(begun->socket.path)}, up_);
    }
    if (begun->connected) {
      noted_ = true;
      return add(connected_, &slot, up_);
    }
    slot.state |= connecting;
    change(slot);
  } catch (const AddressError&) {
    fail(slot, std::make_error_code(std::errc::invalid_argument));
  } catch (const std::bad_alloc&) {
    fail(slot, std::make_error_code(std::errc::not_enough_memory));
  }
}

void ReadinessBackend::fail(StreamSlot& slot, std::error_code error) {
  slot.state |= failed;
  add(failures_, Failure{&slot, error}, up_);
  noted_ = true;
}

void ReadinessBackend::register_anew(StreamSlot& slot) {
  slot.state &= ~static_cast<std::uint32_t>(known_read | known_write);
  if ((slot.state & closed) == 0) change(slot);
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
  add(closed_, &slot, up_);
  noted_ = true;
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
  add(detached_, &slot, up_);
  noted_ = true;
}

Address ReadinessBackend::host(const StreamSlot& slot) const {
  RawAddress raw;
  if (::getsockname(slot.handle.native, raw.data(), &raw.size) != 0) return {};
  return from_raw(raw);
}

std::optional<std::size_t> ReadinessBackend::held(const StreamSlot& slot) const {
  int bytes = 0;
  if (::ioctl(slot.handle.native, SIOCOUTQ, &bytes) != 0) return std::nullopt;
  return static_cast<std::size_t>(bytes);
}

// Listeners.

Result<Address> ReadinessBackend::listen(ListenerSlot& slot, const Address& address,
                                         const ListenOptions& options) {
  Result<Opened> opened = open_listening(address, options);
  if (!opened) return opened.error();
  slot.handle.native = opened->descriptor.release();
  slot.state = state_for(opened->host, options);
  if (opened->path) local_paths_.push_back({slot.handle.native, std::move(opened->path)});
  return std::move(opened->host);
}

Result<Address> ReadinessBackend::adopt(ListenerSlot& slot, Handle handle, const ListenOptions& options) {
  const int descriptor = handle.native;
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return last_error();
  if (listens == 0) return std::error_code(EINVAL, std::system_category());
  RawAddress raw;
  if (::getsockname(descriptor, raw.data(), &raw.size) != 0) return last_error();
  Address host = from_raw(raw);
  if (const std::error_code error = prepare_adopted(descriptor, host.family(), options)) return error;
  slot.handle.native = descriptor;
  slot.state = state_for(host, options);
  return host;
}

void ReadinessBackend::set_accepting(ListenerSlot& slot, bool on) {
  slot.state = (slot.state & ~readiness::accepts) | (on ? readiness::accepts : 0U);
  with_relief(up_, [&] {
    poller_->update(slot.handle.native, on ? Interest::read : Interest::none, key_of(slot, to_listener));
  });
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
      if ((slot.state & readiness::gives_buffers) != 0) inherit_buffers(slot.handle.native, descriptor);
      up_.on_accepted(slot, Handle{descriptor}, compact_from_raw(peer));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EINTR || was_aborted(errno)) continue;
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

// What is closed is told here too, so that a turn which closes something need not be followed by one that
// only tells it. But not in the middle of an upcall: whoever is being told may stand in that very slot, and
// so may what is yet to be told.
void ReadinessBackend::submit_noted() {
  if (telling_) {
    if (!failures_.empty()) tell_failures();
    return;
  }
  telling_ = true;
  if (!failures_.empty()) tell_failures();
  tell_closed();
  telling_ = false;
}

void ReadinessBackend::turn(std::optional<Time> deadline) {
  telling_ = true;
  const bool told = (noted_ || !datagrams_.quiet()) && tell_noted();
  if (next_ == batch_.size()) {
    std::optional<Duration> timeout;
    if (told || noted_) {
      timeout = Duration::zero();  // whoever was told may have something to do
    } else if (deadline) {
      timeout = std::max(Duration::zero(), *deadline - clock_.now());
    }
    batch_ = poller_->wait(timeout);
    next_ = 0;
  }
  room_ = limits_.turn_bytes;
  // Whoever is told may have what follows in the batch forgotten. The batch itself stays: only a wait or a
  // renewal, which do not happen in an upcall, replace it.
  for (const Ready* next = batch_.data() + next_; next_ < batch_.size() && room_ != 0;) {
    const Ready& event = *next++;
    ++next_;
    if ((event.key & readiness::tag_bits) != to_stream) {
      dispatch(event);
    } else if (auto& slot = target_of<StreamSlot>(event.key);
               event.ready == Interest::read && is_read(slot)) {
      receive(slot);
    } else {
      serve(slot, event.ready);
    }
  }
  telling_ = false;
}

// Answers whether somebody was told something.
bool ReadinessBackend::tell_noted() {
  bool told = !failures_.empty() && tell_failures();
  if (!connected_.empty()) told = tell_connected() || told;
  if (!changed_.empty()) told = settle_changes() || told;
  if (!datagrams_.quiet()) {
    told = datagrams_.tell_errors() || told;
    datagrams_.settle_changes(*poller_);
    told = datagrams_.tell_closed() || told;
  }
  // A slot's storage goes with this: nothing above and nothing in the batch names it any more.
  told = tell_closed() || told;
  // Last: where something was thrown above, the rest is told in the next turn.
  noted_ =
      !(failures_.empty() && connected_.empty() && changed_.empty() && closed_.empty() && detached_.empty());
  return told;
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
  for (std::size_t i = 0; i < changed_.size(); ++i) {
    StreamSlot* const slot = changed_[i];
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
      with_relief(up_, [&] { poller_->update(slot->handle.native, interest, key_of(*slot, to_stream)); });
    } catch (const SocketError& error) {  // select takes no descriptor past FD_SETSIZE
      fail(*slot, error.code());
    }
  }
  changed_.clear();
  return tell_failures();
}

// One may close another meanwhile: it is told with the next.
bool ReadinessBackend::tell_what_is_closed() {
  // Their storage goes with this: no list may name them any more.
  const auto is_closed = [](const StreamSlot* slot) { return (slot->state & closed) != 0; };
  std::erase_if(changed_, is_closed);
  std::erase_if(connected_, is_closed);
  std::erase_if(failures_, [&](const Failure& each) { return is_closed(each.slot); });
  closing_.swap(closed_);
  for (StreamSlot* const slot : closing_) up_.on_closed(*slot);
  closing_.clear();
  closing_.swap(detached_);
  for (StreamSlot* const slot : closing_) {
    up_.on_detached(*slot, std::exchange(slot->handle, Handle{}), {});
  }
  closing_.clear();
  return true;
}

// What is left of the batch may name what is gone.
void ReadinessBackend::forget(std::uint64_t key) {
  for (std::size_t i = next_; i < batch_.size(); ++i) {
    if (batch_[i].key == key) batch_[i].key = forgotten_key;
  }
}

// An event of anything but a stream.
void ReadinessBackend::dispatch(const Ready& event) {
  if (event.key == forgotten_key) return;
  if (event.key == wakeup_key) {
    if (forks_ == fork_count()) wakeup_.clear();  // a copy that is not renewed yet has its parent's
    return up_.on_woken();
  }
  switch (event.key & readiness::tag_bits) {
    case to_listener:
      return accept(target_of<ListenerSlot>(event.key));
    case to_datagrams:
      room_ -= std::min(room_, datagrams_.serve(target_of<DatagramSlot>(event.key), event.ready));
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
  if ((ready & Interest::read) != Interest::none && is_read(slot)) receive(slot);
}

void ReadinessBackend::finish_connecting(StreamSlot& slot) {
  slot.state &= ~static_cast<std::uint32_t>(connecting);
  change(slot);
  const std::error_code error = outcome_of_connecting(slot.handle.native);
  if (!error) return up_.on_connected(slot);
  slot.state |= failed;
  up_.on_failed(slot, error);
}

inline void ReadinessBackend::receive(StreamSlot& slot) {
  const ssize_t received = ::recv(slot.handle.native, buffer_.get(), std::min(input_bytes_, room_), 0);
  if (received <= 0) return receive_nothing(slot, received == 0 ? 0 : errno);
  const auto count = static_cast<std::size_t>(received);
  room_ -= count;
  up_.on_received(slot, {buffer_.get(), count});
}

InputBlock ReadinessBackend::take_lent(std::span<const char> lent) {
  if (lent.data() != buffer_.get() || lent.size() < buffer_bytes_ / 4) return {};
  auto next = std::make_unique_for_overwrite<char[]>(buffer_bytes_);
  return {std::exchange(buffer_, std::move(next)), buffer_bytes_};
}

// `error` is 0 at the end of the input.
void ReadinessBackend::receive_nothing(StreamSlot& slot, int error) {
  if (error == 0) {
    slot.state |= ended;
    change(slot);
    return up_.on_end(slot);
  }
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return;
  slot.state |= failed;
  up_.on_failed(slot, {error, std::system_category()});
}

}  // namespace parley
