#include "parley/reactor/backends/memory_backend.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace parley::memory {

namespace {

std::size_t size_of(const std::vector<std::string_view>& pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  return size;
}

// Sets a flag for the time of a call, also when that is left by an exception.
class Within {
 public:
  Within(bool& flag, std::string_view otherwise) : flag_(flag) {
    require(!flag, otherwise);
    flag = true;
  }
  ~Within() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

MemoryBackend::MemoryBackend(const BackendSetting& setting, World& world)
    : up_(setting.up), limits_(setting.limits), world_(world) {
  require(&setting.clock == &world.clock, "the reactor and the network must have the same clock");
}

MemoryBackend::~MemoryBackend() {
  for (const auto& [serial, link] : links_) world_.close(link.descriptor);
  for (const auto& [serial, port] : ports_) world_.close(port.descriptor);
}

MemoryBackend::Link& MemoryBackend::used(const StreamSlot& slot) {
  return const_cast<Link&>(known(slot));
}

const MemoryBackend::Link& MemoryBackend::known(const StreamSlot& slot) const {
  const auto found = links_.find(slot.state);
  require(found != links_.end() && found->second.slot == &slot, "a slot was used that is not open");
  require(!found->second.leaving(), "a slot was used after close or detach");
  return found->second;
}

MemoryBackend::Port& MemoryBackend::used(const ListenerSlot& slot) {
  const auto found = ports_.find(slot.state);
  require(found != ports_.end() && found->second.slot == &slot, "a listener was used that is not listening");
  return found->second;
}

MemoryBackend::Seen& MemoryBackend::used(const WatchSlot& slot) {
  const auto found = seen_.find(slot.state);
  require(found != seen_.end() && found->second.slot == &slot, "a watch was used that is not watching");
  return found->second;
}

// Where storage was freed early this reads freed memory, which AddressSanitizer tells.
void MemoryBackend::check_storage() const {
  for (const auto& [serial, link] : links_) {
    require(link.slot->state == serial && link.slot->handle.native == link.descriptor,
            "rule 2: a slot's storage was changed before on_closed");
  }
}

void MemoryBackend::open(StreamSlot& slot, Handle handle) {
  const int descriptor = handle.native;
  require(!storage_.contains(&slot), "rule 2: a slot's storage was used again before on_closed");
  const std::shared_ptr<Wire>& wire = world_.wire(descriptor);
  require(!wire->used, "a descriptor was opened twice");
  wire->used = true;
  slot.handle.native = descriptor;
  slot.state = ++last_serial_;
  storage_.emplace(&slot, last_serial_);
  links_.emplace(last_serial_, Link{.slot = &slot, .descriptor = descriptor, .wire = wire});
}

void MemoryBackend::discard(Handle handle) noexcept {
  const int descriptor = handle.native;
  require(!world_.wire(descriptor)->used, "a descriptor was discarded that a slot has");
  world_.close(descriptor);
}

void MemoryBackend::set_reading(StreamSlot& slot, bool on) {
  Link& link = used(slot);
  if (link.reading && !on) link.armed = link.armed && world_.late();  // what is cancelled may still come
  link.reading = on;
}

Written MemoryBackend::start_write(StreamSlot& slot, std::span<const std::string_view> pieces) {
  Link& link = used(slot);
  require(link.write == Write::none, "rule 3: a write was started while another is in flight");
  require(!link.shut, "a write was started after shutdown_write");
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  if (bytes.empty()) return {};
  ++link.wire->writes;
  std::size_t most = std::min(bytes.size(), link.wire->broken ? 0 : world_.room(*link.wire));
  const bool pending = world_.chance.happens(world_.faults.pending);
  if (pending && !world_.chance.happens(world_.faults.short_write)) most = 0;
  const std::size_t taken = world_.some(most, world_.faults.short_write);
  link.wire->outgoing.append(bytes, 0, taken);
  if (taken == bytes.size()) return {.taken = taken};
  if (!pending) {
    link.write = Write::full;
    return {.taken = taken};
  }
  link.write = Write::pending;
  link.pinned.assign(pieces.begin(), pieces.end());
  for (std::size_t skipped = taken; skipped != 0;) {
    std::string_view& first = link.pinned.front();
    const std::size_t count = std::min(skipped, first.size());
    first.remove_prefix(count);
    skipped -= count;
    if (first.empty()) link.pinned.erase(link.pinned.begin());
  }
  link.copy = bytes.substr(taken);
  return {.taken = taken, .pending = true};
}

void MemoryBackend::shutdown_write(StreamSlot& slot) {
  Link& link = used(slot);
  require(link.write == Write::none, "shutdown_write came while a write was in flight");
  link.shut = true;
  link.wire->our_end = true;
}

void MemoryBackend::close(StreamSlot& slot, bool reset) {
  Link& link = used(slot);
  link.resetting = reset;
  link.closing = true;
  if (link.write == Write::full) link.write = Write::none;
}

void MemoryBackend::detach(StreamSlot& slot) {
  Link& link = used(slot);
  link.detaching = true;
  if (link.write == Write::full) link.write = Write::none;
}

Address MemoryBackend::host(const StreamSlot& slot) const {
  return known(slot).wire->host;
}

Result<Address> MemoryBackend::listen(ListenerSlot& slot, const Address& address,
                                      const ListenOptions& /*options*/) {
  Result<Address> chosen = world_.choose(address);
  if (!chosen) return chosen;
  slot.handle.native = world_.add_listener(*chosen);
  slot.state = ++last_serial_;
  ports_.emplace(last_serial_, Port{.slot = &slot, .descriptor = slot.handle.native});
  return chosen;
}

Result<Address> MemoryBackend::adopt(ListenerSlot& slot, Handle handle) {
  const int descriptor = handle.native;
  for (const auto& [serial, port] : ports_) {
    require(port.descriptor != descriptor, "a listening descriptor was adopted twice");
  }
  slot.handle.native = descriptor;
  slot.state = ++last_serial_;
  ports_.emplace(last_serial_, Port{.slot = &slot, .descriptor = descriptor});
  return world_.listening_at(descriptor);
}

void MemoryBackend::set_accepting(ListenerSlot& slot, bool on) {
  used(slot).accepting = on;
}

bool MemoryBackend::refuse(ListenerSlot& slot, std::string_view words) {
  World::Waiting& waiting = world_.waiting(used(slot).descriptor);
  if (waiting.empty() || !world_.faults.spare) return false;
  Wire& wire = *waiting.front();
  if (!wire.broken) wire.outgoing += words;
  wire.incoming.clear();
  wire.close();
  waiting.pop_front();
  return true;
}

void MemoryBackend::unlisten(ListenerSlot& slot) {
  const int descriptor = used(slot).descriptor;
  ports_.erase(slot.state);
  world_.close(descriptor);
}

// TEMPORARY
void MemoryBackend::connect(StreamSlot&, const Address&, const ConnectOptions&) {
  violated("connect");
}
std::size_t MemoryBackend::offer(StreamSlot&, std::span<const std::string_view>) {
  return 0;
}
Written MemoryBackend::start_send_file(StreamSlot&, Handle, std::uint64_t, std::size_t) {
  violated("file");
}
Result<Address> MemoryBackend::bind(DatagramSlot&, const Address&, const DatagramOptions&) {
  violated("bind");
}
std::error_code MemoryBackend::connect(DatagramSlot&, const Address&) {
  violated("bind");
}
std::error_code MemoryBackend::change(DatagramSlot&, const DatagramChange&) {
  violated("bind");
}
void MemoryBackend::set_receiving(DatagramSlot&, bool) {
  violated("bind");
}
Sent MemoryBackend::start_send(DatagramSlot&, std::span<const Outgoing>) {
  violated("bind");
}
void MemoryBackend::close(DatagramSlot&) {
  violated("bind");
}
Address MemoryBackend::host(const DatagramSlot&) const {
  violated("bind");
}
void MemoryBackend::renew() {
  violated("renew");
}

void MemoryBackend::watch(WatchSlot& slot, Handle handle, Interest wanted) {
  const int descriptor = handle.native;
  for (const auto& [serial, seen] : seen_) {
    require(seen.descriptor != descriptor, "a descriptor is watched twice");
  }
  (void)world_.ready(descriptor);
  slot.handle.native = descriptor;
  slot.state = ++last_serial_;
  seen_.emplace(last_serial_, Seen{.slot = &slot, .descriptor = descriptor, .wanted = wanted});
}

void MemoryBackend::rewatch(WatchSlot& slot, Interest wanted) {
  used(slot).wanted = wanted;
}

void MemoryBackend::unwatch(WatchSlot& slot) {
  (void)used(slot);
  seen_.erase(slot.state);
}

void MemoryBackend::submit() {
  const Within within(in_submit_, "submit was called inside submit");
  check_storage();
  std::vector<Event> events;
  for (const auto& [serial, link] : links_) {
    if (link.write != Write::none) {
      // A broken one waits for the turn, which tells of the failure too: its caller might try for ever here.
      if (can_complete(link) && !link.wire->broken && !world_.late())
        events.push_back({Event::written, serial});
    } else if (link.leaving() && !in_turn_ && world_.faults.late > 0 && !world_.late()) {
      // In a turn its caller might stand in the middle of an upcall of this very slot.
      events.push_back({Event::finished, serial});
    }
  }
  for (const Event& event : events) tell(event);
  world_.carry();
}

void MemoryBackend::turn(std::optional<Time> deadline) {
  const Within within(in_turn_, "turn was called inside turn");
  ++world_.turns;
  check_storage();
  const bool left = collect();
  bool woken;
  {
    const std::lock_guard lock(mutex_);
    woken = std::exchange(woken_, false);
  }
  if (woken) up_.on_woken();
  if (events_.empty() && !left && !woken) {
    wait(deadline);
    return;
  }
  world_.clock.advance(world_.faults.turn_takes);
  if (world_.faults.shuffle) {
    for (std::size_t i = events_.size(); i > 1; --i)
      std::swap(events_[i - 1], events_[world_.chance.below(i)]);
  }
  for (const Event& event : events_) tell(event);
}

// Nothing is going to happen but the passing of time, which takes none here; or another thread wakes us.
void MemoryBackend::wait(std::optional<Time> deadline) {
  if (deadline) {
    if (*deadline > world_.clock.now()) world_.clock.advance(*deadline - world_.clock.now());
    return;
  }
  std::unique_lock lock(mutex_);
  const bool woken = woken_up_.wait_for(lock, std::chrono::seconds(20), [this] { return woken_; });
  require(woken, "a turn waits for ever: no deadline, nothing under way, and nobody wakes it");
  woken_ = false;
}

void MemoryBackend::wake() noexcept {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  woken_up_.notify_one();
}

bool MemoryBackend::collect() {
  events_.clear();
  const bool carrying = world_.carry();
  const bool receiving = collect_received();
  const bool others = collect_others();
  return carrying || receiving || others;
}

bool MemoryBackend::collect_received() {
  bool left = false;
  std::size_t total = 0;
  std::vector<std::pair<const std::uint32_t, Link>*> served;
  for (auto& entry : links_) {
    Link& link = entry.second;
    link.taken_in = 0;
    if (link.leaving() || link.ended || link.failed) continue;
    if (link.reading) {
      for (const Received& received : link.at_hand) {  // from before a pause
        if (link.taken_in >= limits_.read_bytes || total >= limits_.turn_bytes) {
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
  if (!link.armed || link.taken_in >= limits_.read_bytes) return false;
  if (wire.incoming.empty() && (!wire.peer_ended || wire.broken)) return false;
  if (world_.late()) return false;
  Received received;
  if (wire.incoming.empty()) {
    received.end = true;
    link.armed = false;
  } else {
    most = std::min(
        {most, limits_.read_bytes - link.taken_in, world_.faults.buffer_bytes, wire.incoming.size()});
    const std::size_t count = world_.some(most, world_.faults.short_read);
    received.bytes = wire.incoming.substr(0, count);
    wire.incoming.erase(0, count);
    link.taken_in += count;
    if (!link.reading || world_.chance.happens(world_.faults.disarm)) link.armed = false;
  }
  link.at_hand.push_back(std::move(received));
  events_.push_back({Event::received, serial});
  return true;
}

bool MemoryBackend::can_complete(const Link& link) const {
  return link.leaving() || link.wire->broken || world_.room(*link.wire) > 0;
}

bool MemoryBackend::collect_others() {
  bool left = false;
  const auto happens = [&](Event::Kind kind, std::uint32_t serial) {
    if (world_.late()) {
      left = true;
    } else {
      events_.push_back({kind, serial});
    }
  };
  for (const auto& [serial, link] : links_) {
    const bool seen = link.write != Write::none || (link.armed && link.wire->incoming.empty());
    if (link.wire->broken && seen && !link.failed && !link.leaving()) happens(Event::failed, serial);
    if (link.write != Write::none) {
      if (can_complete(link)) happens(Event::written, serial);
    } else if (link.leaving()) {
      happens(Event::finished, serial);
    }
  }
  for (const auto& [serial, port] : ports_) {
    if (!port.accepting) continue;
    const std::size_t waiting = world_.waiting(port.descriptor).size();
    for (std::size_t i = 0; i < std::min(waiting, limits_.accept_batch); ++i)
      happens(Event::accepted, serial);
    left = left || waiting > limits_.accept_batch;
  }
  for (const auto& [serial, seen] : seen_) {
    if ((world_.ready(seen.descriptor) & seen.wanted) != Interest::none) happens(Event::ready, serial);
  }
  return left;
}

void MemoryBackend::tell(const Event& event) {
  if (event.kind == Event::accepted) {
    if (const auto port = ports_.find(event.serial); port != ports_.end()) tell_accepted(port->second);
    return;
  }
  if (event.kind == Event::ready) {
    const auto seen = seen_.find(event.serial);
    if (seen == seen_.end()) return;
    const Interest ready = world_.ready(seen->second.descriptor) & seen->second.wanted;
    if (ready != Interest::none) up_.on_ready(*seen->second.slot, ready);
    return;
  }
  const auto found = links_.find(event.serial);
  if (found == links_.end()) return;
  Link& link = found->second;
  switch (event.kind) {
    case Event::received:
      tell_received(link);
      break;
    case Event::failed:
      if (link.leaving()) break;
      link.failed = true;
      link.armed = false;
      link.at_hand.clear();
      up_.on_failed(*link.slot, link.wire->broken);
      break;
    case Event::written:
      if (link.write != Write::none && can_complete(link)) complete(link);
      break;
    default:
      if (link.leaving() && link.write == Write::none) finish(event.serial);
      break;
  }
}

void MemoryBackend::tell_received(Link& link) {
  if (!link.reading || link.leaving() || link.at_hand.empty()) return;
  const Received received = std::move(link.at_hand.front());
  link.at_hand.pop_front();
  if (received.end) {
    link.ended = true;
    up_.on_end(*link.slot);
    return;
  }
  // On the heap and no larger than it must be, so that AddressSanitizer sees who keeps it or reads past it.
  const std::size_t size = received.bytes.size();
  const auto lent = std::make_unique<char[]>(size);
  std::memcpy(lent.get(), received.bytes.data(), size);
  up_.on_received(*link.slot, {lent.get(), size});
  std::memset(lent.get(), '#', size);
}

void MemoryBackend::tell_accepted(Port& port) {
  World::Waiting& waiting = world_.waiting(port.descriptor);
  if (!port.accepting || waiting.empty()) return;
  if (world_.failing_accepts > 0) {
    --world_.failing_accepts;
    port.accepting = false;
    up_.on_accept_failed(*port.slot, world_.accept_error);
    return;
  }
  const std::shared_ptr<Wire> wire = std::move(waiting.front());
  waiting.pop_front();
  up_.on_accepted(*port.slot, Handle{world_.add(wire)}, wire->peer.compact());
}

void MemoryBackend::complete(Link& link) {
  std::size_t taken = 0;
  if (link.write == Write::pending) {
    std::string_view copy = link.copy;
    for (const std::string_view piece : link.pinned) {
      require(copy.starts_with(piece), "rule 2: the bytes of a pending write were changed before on_written");
      copy.remove_prefix(piece.size());
    }
    Wire& wire = *link.wire;
    if (!wire.broken && !wire.reset) {
      taken = std::min(size_of(link.pinned), world_.room(wire));
      taken = link.leaving() && taken != 0 ? world_.chance.below(taken + 1)
                                           : world_.some(taken, world_.faults.short_write);
      wire.outgoing.append(link.copy, 0, taken);
    }
  }
  link.write = Write::none;
  link.pinned.clear();
  link.copy.clear();
  up_.on_written(*link.slot, taken);
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
  for (const Received& received : link.at_hand) held += received.bytes;
  up_.on_detached(*link.slot, Handle{link.descriptor}, held);
}

}  // namespace parley::memory
