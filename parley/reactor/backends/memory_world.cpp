#include "parley/reactor/backends/memory_world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "parley/socket/opening.h"

namespace parley::memory {

void violated(std::string_view rule) {
  std::fprintf(stderr, "parley: memory back end: %.*s\n", static_cast<int>(rule.size()), rule.data());
  std::abort();
}

std::uint64_t Chance::next() {  // splitmix64
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

bool Chance::happens(double probability) {
  if (probability <= 0) return false;
  // The upper 53 bits, which a double holds exactly.
  return static_cast<double>(next() >> 11) < probability * 9007199254740992.0;  // 2^53
}

void Wire::close() {
  open = false;
  if (incoming.empty()) {
    our_end = true;
  } else {  // as TCP does; what is on its way is lost with it
    break_off();
  }
}

void Wire::break_off() {
  reset = true;
  outgoing.clear();
}

void Wire::lose(std::error_code error) {
  broken = error;
  break_off();
}

bool is_every_host(const Address& at) {
  if (at.family() == Family::local) return false;
  const std::string host = at.host();
  return host.empty() || host == "0.0.0.0" || host == "::";
}

Family family_of(const Address& at, bool v6_only) {
  if (at.family() == Family::local || at.family() == Family::inet || !is_every_host(at)) return at.family();
  return v6_only ? Family::inet6 : Family::unspecified;
}

bool covers(const Address& at, bool v6_only, const Address& to) {
  if (at == to) return true;
  if (!is_every_host(at) || to.family() == Family::local || at.port() != to.port()) return false;
  const Family family = family_of(at, v6_only);
  return family == Family::unspecified || to.family() == Family::unspecified || family == to.family();
}

// As the kernel's users are told it (socket/opening.h).
std::error_code in_use(Family wanted, Family there) {
  if (wanted == Family::inet && there == Family::unspecified) return InUse::by_ipv6;
  if (wanted == Family::unspecified && there == Family::inet) return InUse::by_ipv4;
  return {static_cast<int>(std::errc::address_in_use), std::system_category()};
}

World::World(ManualClock& by, std::uint64_t seed, const MemoryFaults& set)
    : clock(by), faults(set), chance(seed) {}

bool World::late() {
  return chance.happens(std::min(faults.late, 0.9));  // 1 would be never
}

std::size_t World::some(std::size_t bytes, double short_by) {
  return bytes > 1 && chance.happens(short_by) ? 1 + chance.below(bytes) : bytes;
}

std::size_t World::room(const Wire& wire) const {
  const std::size_t most =
      wire.send_buffer == 0 ? faults.send_bytes : std::min(faults.send_bytes, wire.send_buffer);
  return most - std::min(most, wire.outgoing.size());
}

bool World::carry() {
  bool left = false;
  std::erase_if(wires_, [](const auto& wire) { return wire.expired(); });
  for (const auto& held : wires_) left = carry_out(*held.lock()) || left;
  for (const auto& [one, other] : pairs_) {
    left = carry_across(*one, *other) || left;
    left = carry_across(*other, *one) || left;
  }
  std::erase_if(pairs_, [](const auto& pair) { return !pair.first->open && !pair.second->open; });
  return carry_datagrams() || left;
}

// To a peer of the test.
bool World::carry_out(Wire& wire) {
  // Once, when it breaks: whether what had come survives that is the kernel's affair.
  if (wire.broken && !std::exchange(wire.destroyed, true) && chance.happens(faults.drop))
    wire.incoming.clear();
  if (wire.reset || wire.window == 0) return false;
  bool left = false;
  if (const std::size_t most = std::min(wire.outgoing.size(), wire.window); most != 0) {
    const std::size_t count = late() ? 0 : some(most, faults.short_read);
    wire.received.append(wire.outgoing, 0, count);
    wire.outgoing.erase(0, count);
    if (wire.window != Wire::everything) wire.window -= count;
    left = count < most;
  }
  if (wire.our_end && wire.outgoing.empty() && !wire.ended && wire.window != 0) {
    wire.ended = !late();
    left = left || !wire.ended;
  }
  return left;
}

// From one reactor's end of a pair to the other.
bool World::carry_across(Wire& from, Wire& to) {
  if (from.reset) {
    if (from.broken || to.broken || !to.open) return false;
    if (late()) return true;
    to.lose(std::make_error_code(std::errc::connection_reset));
    if (chance.happens(faults.drop)) to.incoming.clear();
    return false;
  }
  if (to.reset) return false;
  if (!to.open) {  // nobody is there any more
    if (!from.outgoing.empty()) from.lose(std::make_error_code(std::errc::connection_reset));
    return false;
  }
  bool left = false;
  const std::size_t room = faults.send_bytes - std::min(faults.send_bytes, to.incoming.size());
  if (const std::size_t most = std::min(from.outgoing.size(), room); most != 0) {
    const std::size_t count = late() ? 0 : some(most, faults.short_read);
    to.incoming.append(from.outgoing, 0, count);
    from.outgoing.erase(0, count);
    left = count < most;
  }
  if (from.our_end && from.outgoing.empty() && !to.peer_ended) {
    to.peer_ended = !late();
    left = left || !to.peer_ended;
  }
  return left;
}

std::shared_ptr<Wire> World::make_wire(const Address& to) {
  auto wire = std::make_shared<Wire>();
  wire->peer = to.family() == Family::local
                   ? Address::local_peer(next_number_++)
                   : Address(to.host().empty() ? "127.0.0.1" : to.host(), take_port());
  wire->host = to;
  wires_.push_back(wire);
  return wire;
}

World::Open* World::listener_at(const Address& to) {
  for (auto& [descriptor, open] : open_) {
    if (open.use == Use::listener && covers(open.at, open.v6_only, to)) return &open;
  }
  return nullptr;
}

std::shared_ptr<Wire> World::connect(const Address& to) {
  auto wire = make_wire(to);
  if (Open* const listener = listener_at(to)) {
    listener->waiting.push_back(wire);
  } else {
    wire->open = false;
    wire->reset = true;
  }
  return wire;
}

std::error_code World::arrive(const std::shared_ptr<Wire>& wire) {
  const Address& to = wire->peer;
  if (Open* const listener = listener_at(to)) {
    auto other = std::make_shared<Wire>();
    other->host = to;
    other->peer = to.family() == Family::local && wire->host.path().empty()
                      ? Address::local_peer(next_number_++)
                      : wire->host;
    listener->waiting.push_back(other);
    pairs_.emplace_back(wire, std::move(other));
    return {};
  }
  for (const auto& listener : far_listeners_) {
    if (!listener->open || !covers(listener->at, false, to)) continue;
    listener->waiting.push_back(wire);
    wires_.push_back(wire);
    return {};
  }
  const bool path = to.family() == Family::local && !to.path().starts_with('\0');
  return std::make_error_code(path ? std::errc::no_such_file_or_directory : std::errc::connection_refused);
}

std::shared_ptr<FarListener> World::listen_far(const Address& at) {
  const Result<Address> chosen = choose({.at = at});
  require(chosen.ok(), "two listeners at one address");
  std::erase_if(far_listeners_, [](const auto& listener) { return !listener->open; });
  far_listeners_.push_back(std::make_shared<FarListener>(FarListener{.at = *chosen}));
  return far_listeners_.back();
}

int World::put(Open open) {
  int descriptor = 1000;  // far from the real ones; the lowest that is free, as a kernel does it
  while (open_.contains(descriptor)) ++descriptor;
  open_.emplace(descriptor, std::move(open));
  return descriptor;
}

int World::add(std::shared_ptr<Wire> wire) {
  return put({.use = Use::stream, .wire = std::move(wire)});
}

int World::add_foreign() {
  return put({.use = Use::foreign});
}

int World::add_listener(const Place& place) {
  return put({.use = Use::listener, .at = place.at, .v6_only = place.v6_only, .machine = place.machine});
}

int World::add_file(std::string contents) {
  return put({.use = Use::file, .contents = std::move(contents)});
}

int World::add_mailbox(std::shared_ptr<Mailbox> mailbox) {
  return put({.use = Use::datagrams, .mailbox = std::move(mailbox)});
}

World::Open& World::get(int descriptor, Use use) {
  const auto found = open_.find(descriptor);
  require(found != open_.end(), "a descriptor was used that is not open");
  require(found->second.use == use, "a descriptor was used for what it is not");
  return found->second;
}

const std::shared_ptr<Wire>& World::wire(int descriptor) {
  return get(descriptor, Use::stream).wire;
}

Interest& World::ready(int descriptor) {
  return get(descriptor, Use::foreign).ready;
}

World::Waiting& World::waiting(int descriptor) {
  return get(descriptor, Use::listener).waiting;
}

const Address& World::listening_at(int descriptor) {
  return get(descriptor, Use::listener).at;
}

const std::string& World::file(int descriptor) {
  return get(descriptor, Use::file).contents;
}

void World::close(int descriptor) {
  const auto found = open_.find(descriptor);
  require(found != open_.end(), "a descriptor was closed that is not open");
  Open& open = found->second;
  if (open.wire) open.wire->close();
  // Those who wait to be accepted are reset, as a kernel does it.
  for (const auto& wire : open.waiting) {
    wire->open = false;
    wire->break_off();
  }
  if (open.mailbox) close_mailbox(open.mailbox);
  open_.erase(found);
}

std::size_t World::open_descriptors() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(open_, [](const auto& entry) { return entry.second.use != Use::file; }));
}

int World::take_port() {
  if (next_port_ > 65535) next_port_ = 20000;
  return next_port_++;
}

// Each machine has all its addresses to itself: who listens at every one of them is in the way of those on
// the same machine alone.
Result<Address> World::choose(const Place& wanted) {
  const bool number = wanted.at.family() != Family::local && wanted.at.port() == 0;
  const Address at = number ? Address(wanted.at.host(), take_port()) : wanted.at;
  const Family family = family_of(at, wanted.v6_only);
  for (const auto& [descriptor, open] : open_) {
    if (open.use != Use::listener) continue;
    const Family theirs = family_of(open.at, open.v6_only);
    const bool both = family == theirs || family == Family::unspecified || theirs == Family::unspecified;
    const bool everywhere = wanted.machine == open.machine && both && at.port() == open.at.port() &&
                            (is_every_host(at) || is_every_host(open.at));
    const bool local = at.family() == Family::local || open.at.family() == Family::local;
    if (at == open.at || (everywhere && !local)) return in_use(family, theirs);
  }
  for (const auto& listener : far_listeners_) {
    if (listener->open && listener->at == at) return in_use(family, family);
  }
  return at;
}

}  // namespace parley::memory
