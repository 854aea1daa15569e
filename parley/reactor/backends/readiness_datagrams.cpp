#include "parley/reactor/backends/readiness_datagrams.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

#include "parley/reactor/backends/readiness_keys.h"
#include "parley/socket/error.h"
#include "parley/socket/opening.h"
#include "parley/socket/packet_info.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

// What a slot's state tells.
enum State : std::uint32_t {
  receiving = 1U << 0,   // input is wanted
  full = 1U << 1,        // a batch found no room
  closed = 1U << 2,      // nothing more is told but that
  listed = 1U << 3,      // in changed_
  known_read = 1U << 4,  // what the poller knows
  known_write = 1U << 5,
  asks = 1U << 6,  // it is told which of our addresses a datagram was sent to
};
// Above that: its family, how many are received at once (less one), and the port that it is bound to.
constexpr unsigned family_at = 7;
constexpr unsigned batch_at = 9;
constexpr unsigned port_at = 16;
constexpr std::uint32_t batch_mask = 63U << batch_at;
static_assert(most_datagrams_at_once == 64);

Family family_of(const DatagramSlot& slot) {
  return static_cast<Family>((slot.state >> family_at) & 3U);
}
std::uint16_t port_of(const DatagramSlot& slot) {
  return static_cast<std::uint16_t>(slot.state >> port_at);
}
std::size_t batch_of(const DatagramSlot& slot) {
  return ((slot.state & batch_mask) >> batch_at) + 1;
}
void set_batch(DatagramSlot& slot, std::size_t batch) {
  slot.state = (slot.state & ~batch_mask) | (static_cast<std::uint32_t>(batch - 1) << batch_at);
}

std::error_code last_error() {
  return {errno, std::system_category()};
}

template <class Value>
std::error_code set_option(int descriptor, int level, int option, const Value& value) {
  return ::setsockopt(descriptor, level, option, &value, sizeof value) == 0 ? std::error_code()
                                                                            : last_error();
}

// RFC 3678's interface, which is the same for both families and takes interfaces by their index.
std::error_code change_membership(int descriptor, Family family, int option, const DatagramChange& what) {
  if (what.group.family() != family) return std::make_error_code(std::errc::address_family_not_supported);
  group_req request{};
  request.gr_interface = what.value;
  request.gr_group = to_raw(what.group, family).storage;
  return set_option(descriptor, family == Family::inet6 ? IPPROTO_IPV6 : IPPROTO_IP, option, request);
}

// Of a local socket that is not connected, the kernel tells when it has room itself, and not when its peer
// has.
bool somebody_tells_of_room(const DatagramSlot& slot, const Outgoing& next) {
  return family_of(slot) != Family::local || next.to == nullptr;
}

}  // namespace

Result<Address> ReadinessDatagrams::bind(DatagramSlot& slot, const Address& at,
                                         const DatagramOptions& options) {
  Result<Opened> opened = open_datagram(at, options);
  if (!opened) return opened.error();
  const int descriptor = opened->descriptor.get();
  if (descriptor >= below_) return std::make_error_code(std::errc::too_many_files_open);
  // At every address the family is that of the socket that there was to be had.
  const Family family = at.family() == Family::unspecified ? opened->host.family() : at.family();
  const Result<bool> told = tell_asked(descriptor, opened->host, family);
  if (!told) return told.error();
  slot.state = (static_cast<std::uint32_t>(family) << family_at) | (*told ? asks : 0U) |
               (static_cast<std::uint32_t>(opened->host.port()) << port_at);
  set_batch(slot, most_at_once());
  slot.handle.native = opened->descriptor.release();
  if (opened->path) local_paths_.push_back({descriptor, std::move(opened->path)});
  return std::move(opened->host);
}

std::error_code ReadinessDatagrams::connect(DatagramSlot& slot, const Address& peer) {
  try {
    const RawAddress raw = to_raw(peer, family_of(slot));
    if (::connect(slot.handle.native, raw.data(), raw.size) == 0) return {};
    return last_error();
  } catch (const AddressError&) {
    return std::make_error_code(std::errc::address_family_not_supported);
  }
}

std::error_code ReadinessDatagrams::change(DatagramSlot& slot, const DatagramChange& what) {
  const int descriptor = slot.handle.native;
  const Family family = family_of(slot);
  const bool six = family == Family::inet6;
  const int level = six ? IPPROTO_IPV6 : IPPROTO_IP;
  const int value = static_cast<int>(what.value);
  switch (what.what) {
    case DatagramChange::join:
      return change_membership(descriptor, family, MCAST_JOIN_GROUP, what);
    case DatagramChange::leave:
      return change_membership(descriptor, family, MCAST_LEAVE_GROUP, what);
    case DatagramChange::hops:
      return set_option(descriptor, level, six ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, value);
    case DatagramChange::loop:
      return set_option(descriptor, level, six ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, value);
    case DatagramChange::interface: {
      if (six) return set_option(descriptor, level, IPV6_MULTICAST_IF, value);
      ip_mreqn request{};
      request.imr_ifindex = value;
      return set_option(descriptor, level, IP_MULTICAST_IF, request);
    }
    case DatagramChange::broadcast:
      return set_option(descriptor, SOL_SOCKET, SO_BROADCAST, value);
  }
  return std::make_error_code(std::errc::invalid_argument);
}

Address ReadinessDatagrams::host(const DatagramSlot& slot) const {
  RawAddress raw;
  if (::getsockname(slot.handle.native, raw.data(), &raw.size) != 0) return {};
  return from_raw(raw);
}

void ReadinessDatagrams::close(DatagramSlot& slot, Poller& poller) {
  poller.remove(slot.handle.native);
  Descriptor socket(std::exchange(slot.handle.native, -1));
  const auto path = std::find_if(local_paths_.begin(), local_paths_.end(),
                                 [&](const LocalPath& entry) { return entry.descriptor == socket.get(); });
  if (path != local_paths_.end()) {
    path->path.remove_with(std::move(socket));
    local_paths_.erase(path);
  }
  slot.state |= closed;
  add(closed_, &slot, up_);
}

// Sending.

// A refusal over a network answers an earlier datagram: it is told as such, and this one is sent.
Sent ReadinessDatagrams::start_send(DatagramSlot& slot, std::span<const Outgoing> batch) {
  Sent sent;
  bool tried_again = false;
  while (sent.count < batch.size()) {
    const Sent some = send(
        slot, batch.subspan(sent.count).first(std::min(batch.size() - sent.count, most_datagrams_at_once)));
    sent.count += some.count;
    if (some.count != 0) tried_again = false;
    if (!some.error) continue;
    if (some.error == std::errc::connection_refused && family_of(slot) != Family::local && !tried_again) {
      tried_again = true;
      const auto same = [&](const Error& noted) { return noted.slot == &slot; };
      if (std::none_of(errors_.begin(), errors_.end(), same)) add(errors_, Error{&slot, some.error}, up_);
      continue;
    }
    sent.error = some.error;
    if (sent.error == std::errc::operation_would_block && somebody_tells_of_room(slot, batch[sent.count])) {
      slot.state |= full;
      note_change(slot);
    }
    break;
  }
  return sent;
}

// With one call of the kernel.
Sent ReadinessDatagrams::send(DatagramSlot& slot, std::span<const Outgoing> batch) {
  std::array<mmsghdr, most_datagrams_at_once> headers;
  std::array<iovec, most_datagrams_at_once> pieces;
  // Written to where a datagram says whom it is for, or where it is to leave from.
  std::array<sockaddr_storage, most_datagrams_at_once> names;
  std::array<PacketControl, most_datagrams_at_once> controls;

  const Family family = family_of(slot);
  unsigned count = 0;
  std::error_code unfit;
  for (const Outgoing& each : batch) {
    headers[count] = {};
    msghdr& header = headers[count].msg_hdr;
    try {
      if (each.to != nullptr) {
        const RawAddress raw = to_raw(*each.to, family);
        std::memcpy(&names[count], &raw.storage, raw.size);
        header.msg_name = &names[count];
        header.msg_namelen = raw.size;
      }
      if (each.from != nullptr && family != Family::local && each.from->family() != Family::unspecified) {
        attach(leaving_from(each.from->compact(), family), header, controls[count]);
      }
    } catch (const AddressError&) {  // those before it are sent
      unfit = std::make_error_code(std::errc::address_family_not_supported);
      break;
    }
    pieces[count] = {.iov_base = const_cast<char*>(each.bytes.data()), .iov_len = each.bytes.size()};
    header.msg_iov = &pieces[count];
    header.msg_iovlen = 1;
    ++count;
  }
  if (count == 0) return {.error = unfit};
  int sent;
  do {
    sent = ::sendmmsg(slot.handle.native, headers.data(), count, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return {.error = last_error()};
  const auto taken = static_cast<unsigned>(sent);
  return {.count = taken, .error = taken == count ? unfit : std::error_code()};
}

// Receiving.

void ReadinessDatagrams::set_receiving(DatagramSlot& slot, bool on) {
  slot.state = on ? slot.state | receiving : slot.state & ~static_cast<std::uint32_t>(receiving);
  note_change(slot);
}

std::size_t ReadinessDatagrams::most_at_once() const {
  return std::clamp<std::size_t>(limits_.datagram_batch, 1, most_datagrams_at_once);
}

// The inbox is made when something comes: a reactor without datagrams has none of its memory.
std::size_t ReadinessDatagrams::receive(DatagramSlot& slot) {
  if (inbox_ == nullptr) {
    with_relief(up_, [&] {
      inbox_ = std::make_unique<DatagramInbox>(limits_.datagram_batch, limits_.datagram_bytes);
    });
  }
  const bool asked = (slot.state & asks) != 0;
  const Result<std::size_t> count =
      inbox_->receive(slot.handle.native, family_of(slot), batch_of(slot), asked);
  if (!count) {
    up_.on_datagram_error(slot, count.error());
    return 0;
  }
  if (*count == 0) return 0;
  with_relief(up_, [&] { received_.resize(std::max(received_.size(), *count)); });
  std::size_t taken = 0;
  for (std::size_t i = 0; i < *count; ++i) {
    Received& each = received_[i];
    each.bytes = inbox_->bytes(i);
    each.whole = inbox_->whole(i);
    each.peer = inbox_->peer(i);
    each.asked = Address();
    if (asked) {
      CompactAddress at = inbox_->asked(i).compact();
      if (at.family != Family::unspecified) {
        at.port = port_of(slot);
        each.asked = Address(at);
      }
    }
    taken += each.bytes.size();
  }
  // Large ones come in smaller batches, so that others have their turn.
  set_batch(slot, taken > limits_.read_bytes ? std::max<std::size_t>(1, batch_of(slot) / 2)
                                             : std::min(batch_of(slot) * 2, most_at_once()));
  up_.on_datagrams(slot, std::span(received_).first(*count));
  return taken;
}

// The turn.

std::size_t ReadinessDatagrams::serve(DatagramSlot& slot, Interest ready) {
  if ((ready & Interest::write) != Interest::none && (slot.state & full) != 0) {
    slot.state &= ~static_cast<std::uint32_t>(full);
    note_change(slot);
    up_.on_sent(slot, 0, {});
  }
  if ((ready & Interest::read) == Interest::none) return 0;
  if ((slot.state & (receiving | closed)) != receiving) return 0;
  return receive(slot);
}

// The poller is told of a change when it is asked next: pausing and resuming within a turn cost nothing.
void ReadinessDatagrams::note_change(DatagramSlot& slot) {
  if ((slot.state & listed) != 0) return;
  slot.state |= listed;
  add(changed_, &slot, up_);
}

bool ReadinessDatagrams::tell_errors() {
  std::vector<Error> errors;
  errors.swap(errors_);
  for (const Error& each : errors) {
    if ((each.slot->state & closed) == 0) up_.on_datagram_error(*each.slot, each.error);
  }
  return !errors.empty();
}

void ReadinessDatagrams::settle_changes(Poller& poller) {
  for (std::size_t i = 0; i < changed_.size(); ++i) {
    DatagramSlot* const slot = changed_[i];
    slot->state &= ~static_cast<std::uint32_t>(listed);
    if ((slot->state & closed) != 0) continue;
    const std::uint32_t wanted =
        ((slot->state & receiving) != 0 ? known_read : 0U) | ((slot->state & full) != 0 ? known_write : 0U);
    if ((slot->state & (known_read | known_write)) == wanted) continue;
    slot->state = (slot->state & ~static_cast<std::uint32_t>(known_read | known_write)) | wanted;
    const Interest read = (wanted & known_read) != 0 ? Interest::read : Interest::none;
    const Interest write = (wanted & known_write) != 0 ? Interest::write : Interest::none;
    with_relief(up_, [&] {
      poller.update(slot->handle.native, read | write, readiness::key_of(*slot, readiness::to_datagrams));
    });
  }
  changed_.clear();
}

void ReadinessDatagrams::renew() {
  for (LocalPath& entry : local_paths_) entry.path.inherit();
}

void ReadinessDatagrams::register_anew(DatagramSlot& slot) {
  slot.state &= ~static_cast<std::uint32_t>(known_read | known_write);
  if ((slot.state & closed) == 0) note_change(slot);
}

bool ReadinessDatagrams::tell_closed() {
  std::vector<DatagramSlot*> gone;
  gone.swap(closed_);
  // Their storage goes with this: no list may name them any more.
  std::erase_if(errors_, [](const Error& each) { return (each.slot->state & closed) != 0; });
  for (DatagramSlot* const slot : gone) up_.on_closed(*slot);
  return !gone.empty();
}

}  // namespace parley
