#include "parley/reactor/backends/memory_backend.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace parley::memory {

namespace {

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
    : up_(setting.up), limits_(setting.limits), world_(world), datagrams_(setting, world, this) {
  require(&setting.clock == &world.clock, "the reactor and the network must have the same clock");
}

MemoryBackend::~MemoryBackend() {
  for (const auto& [serial, link] : links_) world_.close(link.descriptor);
  for (const auto& [serial, port] : ports_) world_.close(port.descriptor);
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
  datagrams_.check_storage();
}

Result<Address> MemoryBackend::listen(ListenerSlot& slot, const Address& address,
                                      const ListenOptions& options) {
  Place place{.at = address, .v6_only = options.v6_only, .machine = this};
  Result<Address> chosen = world_.choose(place);
  if (!chosen) return chosen;
  place.at = *chosen;
  slot.handle.native = world_.add_listener(place);
  slot.state = ++last_serial_;
  ports_.emplace(last_serial_, Port{.slot = &slot, .descriptor = slot.handle.native, .options = options});
  return chosen;
}

Result<Address> MemoryBackend::adopt(ListenerSlot& slot, Handle handle, const ListenOptions& options) {
  const int descriptor = handle.native;
  for (const auto& [serial, port] : ports_) {
    require(port.descriptor != descriptor, "a listening descriptor was adopted twice");
  }
  slot.handle.native = descriptor;
  slot.state = ++last_serial_;
  ports_.emplace(last_serial_, Port{.slot = &slot, .descriptor = descriptor, .options = options});
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

// Datagrams.

Result<Address> MemoryBackend::bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options) {
  return datagrams_.bind(slot, at, options);
}

std::error_code MemoryBackend::connect(DatagramSlot& slot, const Address& peer) {
  return datagrams_.connect(slot, peer);
}

std::error_code MemoryBackend::change(DatagramSlot& slot, const DatagramChange& what) {
  return datagrams_.change(slot, what);
}

void MemoryBackend::set_receiving(DatagramSlot& slot, bool on) {
  datagrams_.set_receiving(slot, on);
}

Sent MemoryBackend::start_send(DatagramSlot& slot, std::span<const Outgoing> batch) {
  return datagrams_.start_send(slot, batch);
}

void MemoryBackend::close(DatagramSlot& slot) {
  datagrams_.close(slot);
}

Address MemoryBackend::host(const DatagramSlot& slot) const {
  return datagrams_.host(slot);
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
      if (can_complete(link) && !link.failure() && !world_.late()) events.push_back({Event::written, serial});
    } else if (link.leaving() && !in_turn_ && world_.faults.late > 0 && !world_.late()) {
      // In a turn its caller might stand in the middle of an upcall of this very slot.
      events.push_back({Event::finished, serial});
    }
  }
  datagrams_.submit(events);
  if (world_.chance.happens(world_.faults.together)) complete_together();
  for (const Event& event : events) tell(event);
  world_.carry();
}

void MemoryBackend::turn(std::optional<Time> deadline) {
  const Within within(in_turn_, "turn was called inside turn");
  ++world_.turns;
  check_storage();
  const bool left = collect();
  const bool called = woken();
  // `left`: something is under way and late, so that the next turn must come soon.
  if (events_.empty() && !left && !called) {
    wait(deadline);
    return;
  }
  world_.clock.advance(world_.faults.turn_takes);
  if (world_.faults.shuffle) {
    for (std::size_t i = events_.size(); i > 1; --i)
      std::swap(events_[i - 1], events_[world_.chance.below(i)]);
  }
  if (called) up_.on_woken();
  for (const Event& event : events_) tell(event);
}

bool MemoryBackend::woken() {
  const std::lock_guard lock(mutex_);
  return std::exchange(woken_, false);
}

// Nothing is going to happen but the passing of time, which takes none here; or another thread wakes us.
void MemoryBackend::wait(std::optional<Time> deadline) {
  if (deadline) {
    if (*deadline > world_.clock.now()) world_.clock.advance(*deadline - world_.clock.now());
    return;
  }
  {
    std::unique_lock lock(mutex_);
    // Real time: a test that waits for ever is to fail, and not to hang.
    const bool come = woken_up_.wait_for(lock, std::chrono::seconds(20), [this] { return woken_; });
    require(come, "a turn waits for ever: no deadline, nothing under way, and nobody wakes it");
    woken_ = false;
  }
  up_.on_woken();
}

void MemoryBackend::wake() noexcept {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  woken_up_.notify_one();
}

// Nothing here is the kernel's: parent and child have a network each from now on.
void MemoryBackend::renew() {}

bool MemoryBackend::collect() {
  events_.clear();
  const bool carrying = world_.carry();
  const bool receiving = collect_received();
  const bool others = collect_others();
  return carrying || receiving || others;
}

bool MemoryBackend::happens(Event::Kind kind, std::uint32_t serial) {
  if (world_.late()) return false;
  events_.push_back({kind, serial});
  return true;
}

bool MemoryBackend::collect_others() {
  bool left = false;
  for (auto& [serial, link] : links_) left = collect_stream(serial, link) || left;
  for (const auto& [serial, port] : ports_) {
    if (!port.accepting) continue;
    const std::size_t waiting = world_.waiting(port.descriptor).size();
    for (std::size_t i = 0; i < std::min(waiting, limits_.accept_batch); ++i)
      left = !happens(Event::accepted, serial) || left;
    left = left || waiting > limits_.accept_batch;
  }
  for (const auto& [serial, seen] : seen_) {
    if ((world_.ready(seen.descriptor) & seen.wanted) != Interest::none)
      left = !happens(Event::ready, serial) || left;
  }
  return datagrams_.collect(events_) || left;
}

void MemoryBackend::tell(const Event& event) {
  if (event.kind == Event::accepted) {
    if (const auto port = ports_.find(event.serial); port != ports_.end()) tell_accepted(port->second);
  } else if (event.kind == Event::ready) {
    const auto seen = seen_.find(event.serial);
    if (seen == seen_.end()) return;
    const Interest ready = world_.ready(seen->second.descriptor) & seen->second.wanted;
    if (ready != Interest::none) up_.on_ready(*seen->second.slot, ready);
  } else if (event.kind >= Event::datagrams) {
    datagrams_.tell(event);
  } else {
    tell_stream(event);
  }
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
  wire->set(port.options);
  up_.on_accepted(*port.slot, Handle{world_.add(wire)}, wire->peer.compact());
}

}  // namespace parley::memory
