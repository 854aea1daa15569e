#include <algorithm>
#include <cstring>
#include <utility>

#include "parley/reactor/backends/memory_backend.h"
#include "parley/socket/open_file.h"

// The memory back end's streams.
namespace parley::memory {

MemoryBackend::Link& MemoryBackend::used(const StreamSlot& slot) {
  return const_cast<Link&>(known(slot));
}

const MemoryBackend::Link& MemoryBackend::known(const StreamSlot& slot) const {
  const auto found = links_.find(slot.state);
  require(found != links_.end() && found->second.slot == &slot, "a slot was used that is not open");
  require(!found->second.leaving(), "a slot was used after close or detach");
  return found->second;
}

MemoryBackend::Link& MemoryBackend::connected(const StreamSlot& slot) {
  Link& link = used(slot);
  require(link.handshake == Handshake::connected, "a slot was used before on_connected");
  return link;
}

MemoryBackend::Link& MemoryBackend::writable(const StreamSlot& slot) {
  Link& link = connected(slot);
  require(link.write == Write::none, "rule 3: a write was started while another is in flight");
  require(!link.shut, "a write was started after shutdown_write");
  return link;
}

void MemoryBackend::open(StreamSlot& slot, Handle handle) {
  require(!storage_.contains(&slot), "rule 2: a slot's storage was used again before on_closed");
  const std::shared_ptr<Wire>& wire = world_.wire(handle.native);
  require(!wire->used, "a descriptor was opened twice");
  add(slot, handle.native, wire);
}

MemoryBackend::Link& MemoryBackend::add(StreamSlot& slot, int descriptor, const std::shared_ptr<Wire>& wire) {
  wire->used = true;
  slot.handle.native = descriptor;
  slot.state = ++last_serial_;
  storage_.emplace(&slot, last_serial_);
  return links_.emplace(last_serial_, Link{.slot = &slot, .descriptor = descriptor, .wire = wire})
      .first->second;
}

// It sets out in the next turn. What is wrong with it is told there too.
void MemoryBackend::connect(StreamSlot& slot, const Address& to, const ConnectOptions& options) {
  require(!storage_.contains(&slot), "rule 2: a slot's storage was used again before on_closed");
  auto wire = std::make_shared<Wire>();
  // As a kernel has it, who connects to every address is connected to this machine.
  wire->peer = to.family() == Family::unspecified ? Address("127.0.0.1", to.port()) : to;
  std::error_code error;
  Address source = to.family() == Family::local ? Address::local_peer(0) : Address(wire->peer.host(), 0);
  if (options.source) {
    const Family family = options.source->family();
    if (family != wire->peer.family() && (family != Family::unspecified || to.family() == Family::local)) {
      error = std::make_error_code(std::errc::address_family_not_supported);
    } else if (family != Family::unspecified) {
      source = *options.source;
    } else {
      source = Address(source.host(), options.source->port());
    }
  }
  if (const Result<Address> chosen = world_.choose({.at = source, .machine = this})) {
    wire->host = *chosen;
  } else if (!error) {
    error = chosen.error();
  }
  wire->set(options);
  Link& link = add(slot, world_.add(wire), wire);
  link.handshake = error ? Handshake::arrived : Handshake::leaving_us;
  link.error = error;
}

void MemoryBackend::discard(Handle handle) noexcept {
  const int descriptor = handle.native;
  require(!world_.wire(descriptor)->used, "a descriptor was discarded that a slot has");
  world_.close(descriptor);
}

void MemoryBackend::set_reading(StreamSlot& slot, bool on) {
  Link& link = connected(slot);
  if (link.reading && !on) link.armed = link.armed && world_.late();  // what is cancelled may still come
  link.reading = on;
}

Written MemoryBackend::start_write(StreamSlot& slot, std::span<const std::string_view> pieces) {
  Link& link = writable(slot);
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  if (bytes.empty()) return {};
  const Written written = begin_write(link, bytes);
  if (!written.pending) return written;
  // As they were given, so that `check_pinned` sees whether they stay as they are.
  link.pinned.assign(pieces.begin(), pieces.end());
  for (std::size_t skipped = written.taken; skipped != 0;) {
    std::string_view& first = link.pinned.front();
    const std::size_t count = std::min(skipped, first.size());
    first.remove_prefix(count);
    skipped -= count;
    if (first.empty()) link.pinned.erase(link.pinned.begin());
  }
  return written;
}

std::size_t MemoryBackend::offer(StreamSlot& slot, std::span<const std::string_view> pieces) {
  Link& link = writable(slot);
  if (world_.chance.happens(world_.faults.pending)) return 0;  // as one that takes nothing at once
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  const std::size_t taken = take(link, bytes, bytes.size());
  if (taken != 0) ++link.wire->writes;
  return taken;
}

Written MemoryBackend::start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset,
                                       std::size_t count) {
  Link& link = writable(slot);
  const std::string& contents = world_.file(file.native);
  if (count == 0) return {};
  const std::size_t begin = static_cast<std::size_t>(std::min<std::uint64_t>(offset, contents.size()));
  const std::string_view bytes = std::string_view(contents).substr(begin, count);
  if (bytes.size() < count) link.error = FileFailure::shorter;
  Written written = begin_write(link, bytes);
  if (bytes.size() < count && link.write == Write::none)
    link.write = Write::full;  // it ends with the failure
  if (!written.pending) return written;
  link.file = file.native;
  link.file_offset = begin + written.taken;
  return written;
}

// What the kernel takes of a connection's bytes now.
std::size_t MemoryBackend::take(Link& link, std::string_view bytes, std::size_t most) {
  const std::size_t room = link.wire->broken || link.failed ? 0 : world_.room(*link.wire);
  const std::size_t taken = world_.some(std::min(most, room), world_.faults.short_write);
  link.wire->outgoing.append(bytes.substr(0, taken));
  return taken;
}

Written MemoryBackend::begin_write(Link& link, std::string_view bytes) {
  ++link.wire->writes;
  const bool pending = world_.chance.happens(world_.faults.pending);
  const bool none = pending && !world_.chance.happens(world_.faults.short_write);
  const std::size_t taken = take(link, bytes, none ? 0 : bytes.size());
  if (taken == bytes.size()) return {.taken = taken};
  link.write = pending ? Write::pending : Write::full;
  if (pending) link.copy = bytes.substr(taken);
  return {.taken = taken, .pending = pending};
}

void MemoryBackend::shutdown_write(StreamSlot& slot) {
  Link& link = connected(slot);
  require(link.write == Write::none, "shutdown_write came while a write was in flight");
  link.shut = true;
  link.wire->our_end = true;
}

void MemoryBackend::close(StreamSlot& slot, bool reset) {
  Link& link = used(slot);
  link.resetting = reset;
  link.closing = true;
  // A write that was not pending is not told of after `close`.
  if (link.write == Write::full) link.write = Write::none;
}

void MemoryBackend::detach(StreamSlot& slot) {
  Link& link = connected(slot);
  link.detaching = true;
  if (link.write == Write::full) link.write = Write::none;
}

Address MemoryBackend::host(const StreamSlot& slot) const {
  return known(slot).wire->host;
}

std::error_code MemoryBackend::set_option(StreamSlot& slot, StreamOption what, bool on) {
  Wire& wire = *used(slot).wire;
  if (wire.peer.family() == Family::local) return std::make_error_code(std::errc::operation_not_supported);
  (what == StreamOption::no_delay ? wire.no_delay : wire.keep_alive) = on;
  return {};
}

Result<bool> MemoryBackend::option(const StreamSlot& slot, StreamOption what) const {
  const Wire& wire = *known(slot).wire;
  if (wire.peer.family() == Family::local) return std::make_error_code(std::errc::operation_not_supported);
  return what == StreamOption::no_delay ? wire.no_delay : wire.keep_alive;
}

std::optional<std::size_t> MemoryBackend::held(const StreamSlot& slot) const {
  return known(slot).wire->outgoing.size();
}

bool MemoryBackend::collect_received() {
  bool left = false;
  std::size_t total = 0;
  std::vector<std::pair<const std::uint32_t, Link>*> served;
  for (auto& entry : links_) {
    Link& link = entry.second;
    link.taken_in = 0;
    if (link.leaving() || link.ended || link.failed || link.error) continue;
    if (link.reading) {
      for (const Arrived& received : link.at_hand) {  // from before a pause
        if (link.taken_in >= input_bytes_ || total >= limits_.turn_bytes) {
          left = true;
          break;
        }
        link.taken_in += received.bytes.size();
        total += received.bytes.size();
        events_.push_back({Event::received, entry.first});
      }
      const bool ended = !link.at_hand.empty() && link.at_hand.back().end;
      if (!link.armed && !ended) link.armed = !world_.late();
      left = left || (!link.armed && !ended);
    }
    if (link.armed) served.push_back(&entry);
  }
  // Round robin, beginning with another one each time.
  const auto first = std::find_if(served.begin(), served.end(),
                                  [this](const auto* entry) { return entry->first >= first_served_; });
  std::rotate(served.begin(), first, served.end());
  std::size_t buffers = world_.faults.buffers;
  for (bool more = true; more && buffers != 0;) {
    more = false;
    for (auto* entry : served) {
      if (buffers == 0 || total >= limits_.turn_bytes) break;
      Link& link = entry->second;
      if (!receive(entry->first, link, limits_.turn_bytes - total)) continue;
      total += link.at_hand.back().bytes.size();
      --buffers;
      more = true;
      first_served_ = entry->first + 1;
    }
  }
  for (const auto* entry : served) {
    const Link& link = entry->second;
    left =
        left || (link.armed && (!link.wire->incoming.empty() || link.wire->peer_ended || link.wire->broken));
  }
  return left;
}

// The kernel fills one buffer. False: there is nothing for now.
bool MemoryBackend::receive(std::uint32_t serial, Link& link, std::size_t most) {
  Wire& wire = *link.wire;
  if (!link.armed || link.taken_in >= input_bytes_) return false;
  if (wire.incoming.empty() && (!wire.peer_ended || wire.broken)) return false;
  if (world_.late()) return false;
  Arrived received;
  if (wire.incoming.empty()) {
    received.end = true;
    link.armed = false;
  } else {
    most = std::min({most, input_bytes_ - link.taken_in, world_.faults.buffer_bytes, wire.incoming.size()});
    const std::size_t count = world_.some(most, world_.faults.short_read);
    received.bytes = wire.incoming.substr(0, count);
    wire.incoming.erase(0, count);
    link.taken_in += count;
    // A receive ends by itself now and then (rule 4), and with the first that comes after a pause.
    if (!link.reading || world_.chance.happens(world_.faults.disarm)) link.armed = false;
  }
  link.at_hand.push_back(std::move(received));
  events_.push_back({Event::received, serial});
  return true;
}

bool MemoryBackend::can_complete(const Link& link) const {
  return link.leaving() || link.failure() || world_.room(*link.wire) > 0;
}

bool MemoryBackend::collect_stream(std::uint32_t serial, Link& link) {
  bool left = false;
  if (link.handshake != Handshake::connected && !link.leaving()) {
    if (link.failed) return false;
    if (link.handshake == Handshake::leaving_us) {
      if (world_.silent.contains(link.wire->peer)) return false;
      if (world_.late()) return true;
      link.error = world_.arrive(link.wire);
      link.handshake = Handshake::arrived;
    }
    return !happens(Event::outcome, serial);
  }
  const bool seen = link.error || link.write != Write::none || (link.armed && link.wire->incoming.empty());
  if (link.failure() && seen && !link.failed && !link.leaving()) left = !happens(Event::failed, serial);
  if (link.write != Write::none) {
    if (can_complete(link)) left = !happens(Event::written, serial) || left;
  } else if (link.leaving()) {
    left = !happens(Event::finished, serial) || left;
  }
  return left;
}

void MemoryBackend::tell_stream(const Event& event) {
  const auto found = links_.find(event.serial);
  if (found == links_.end()) return;
  Link& link = found->second;
  switch (event.kind) {
    case Event::outcome:
      if (!link.leaving()) tell_outcome(link);
      break;
    case Event::received:
      tell_received(link);
      break;
    case Event::failed:
      if (!link.leaving()) tell_failed(link);
      break;
    case Event::written:
      if (link.write != Write::none && can_complete(link)) complete(link);
      break;
    default:
      if (link.leaving() && link.write == Write::none) finish(event.serial);
      break;
  }
}

void MemoryBackend::tell_outcome(Link& link) {
  if (link.error) return tell_failed(link);
  link.handshake = Handshake::connected;
  up_.on_connected(*link.slot);
}

void MemoryBackend::tell_failed(Link& link) {
  link.failed = true;
  link.armed = false;
  link.at_hand.clear();
  up_.on_failed(*link.slot, link.failure());
}

void MemoryBackend::tell_received(Link& link) {
  if (!link.reading || link.leaving() || link.at_hand.empty()) return;
  const Arrived received = std::move(link.at_hand.front());
  link.at_hand.pop_front();
  if (received.end) {
    link.ended = true;
    up_.on_end(*link.slot);
    return;
  }
  // On the heap and no larger than it must be, so that AddressSanitizer sees who keeps it or reads past it.
  const std::size_t size = received.bytes.size();
  lent_ = {std::make_unique<char[]>(size), size};
  std::memcpy(lent_.memory.get(), received.bytes.data(), size);
  up_.on_received(*link.slot, {lent_.memory.get(), size});
  // Whoever has kept it, and has not taken it, finds this.
  if (lent_.memory != nullptr) std::memset(lent_.memory.get(), '#', size);
  lent_ = {};
}

InputBlock MemoryBackend::take_lent(std::span<const char> lent) {
  if (lent_.memory == nullptr || lent.data() != lent_.memory.get()) return {};
  if (world_.chance.happens(world_.faults.keep)) return {};
  return std::exchange(lent_, {});
}

void MemoryBackend::check_pinned(const Link& link) const {
  std::string_view copy = link.copy;
  if (link.file != -1) {
    const std::string_view contents = world_.file(link.file);  // which must be open still
    require(contents.substr(static_cast<std::size_t>(link.file_offset)).starts_with(copy),
            "rule 2: the file of a pending write was changed before on_written");
    return;
  }
  for (const std::string_view piece : link.pinned) {
    require(copy.starts_with(piece), "rule 2: the bytes of a pending write were changed before on_written");
    copy.remove_prefix(piece.size());
  }
}

void MemoryBackend::complete(Link& link) {
  std::size_t taken = 0;
  if (link.write == Write::pending) {
    check_pinned(link);
    Wire& wire = *link.wire;
    if (!wire.broken && !wire.reset) {
      taken = std::min(link.copy.size(), world_.room(wire));
      // One that is cancelled may have sent any part of it.
      taken = link.leaving() && taken != 0 ? world_.chance.below(taken + 1)
                                           : world_.some(taken, world_.faults.short_write);
      wire.outgoing.append(link.copy, 0, taken);
    }
  }
  link.unpin();
  up_.on_written(*link.slot, taken);
}

// Every write that is pending is taken whole, where all of them can be.
void MemoryBackend::complete_together() {
  std::vector<Link*> all;
  for (auto& [serial, link] : links_) {
    if (link.write != Write::pending) continue;
    const bool whole = !link.leaving() && !link.failure() && world_.room(*link.wire) >= link.copy.size();
    if (!whole) return;
    all.push_back(&link);
  }
  if (all.empty()) return;
  for (Link* const link : all) {
    check_pinned(*link);
    link->wire->outgoing += link->copy;
    link->unpin();
  }
  up_.on_all_written();
}

void MemoryBackend::finish(std::uint32_t serial) {
  const auto node = links_.extract(serial);
  Link& link = node.mapped();
  require(link.slot->state == serial && link.slot->handle.native == link.descriptor,
          "rule 2: a slot's storage was changed before on_closed");
  storage_.erase(link.slot);
  if (link.closing) {
    if (link.resetting) link.wire->break_off();
    world_.close(link.descriptor);
    up_.on_closed(*link.slot);
    return;
  }
  link.wire->used = false;
  std::string held;
  for (const Arrived& received : link.at_hand) held += received.bytes;
  up_.on_detached(*link.slot, Handle{link.descriptor}, held);
}

}  // namespace parley::memory
