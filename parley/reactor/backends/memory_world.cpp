#include "parley/reactor/backends/memory_world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

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

World::World(ManualClock& by, std::uint64_t seed, const MemoryFaults& set)
    : clock(by), faults(set), chance(seed) {}

bool World::late() {
  return chance.happens(std::min(faults.late, 0.9));  // 1 would be never
}

std::size_t World::some(std::size_t bytes, double short_by) {
  return bytes > 1 && chance.happens(short_by) ? 1 + chance.below(bytes) : bytes;
}

std::size_t World::room(const Wire& wire) const {
  return faults.send_bytes - std::min(faults.send_bytes, wire.outgoing.size());
}

bool World::carry() {
  bool left = false;
  std::erase_if(wires_, [](const auto& wire) { return wire.expired(); });
  for (const auto& held : wires_) {
    const auto wire = held.lock();
    if (wire->reset || wire->window == 0) continue;
    if (const std::size_t most = std::min(wire->outgoing.size(), wire->window); most != 0) {
      const std::size_t count = late() ? 0 : some(most, faults.short_read);
      wire->received.append(wire->outgoing, 0, count);
      wire->outgoing.erase(0, count);
      if (wire->window != Wire::everything) wire->window -= count;
      left = left || count < most;
    }
    if (wire->our_end && wire->outgoing.empty() && !wire->ended && wire->window != 0) {
      wire->ended = !late();
      left = left || !wire->ended;
    }
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

std::shared_ptr<Wire> World::connect(const Address& to) {
  auto wire = make_wire(to);
  for (auto& [descriptor, open] : open_) {
    if (open.use != Use::listener) continue;
    const bool any_host = open.at.host().empty() || open.at.host() == "0.0.0.0" || open.at.host() == "::";
    if (open.at == to || (any_host && to.family() != Family::local && open.at.family() != Family::local &&
                          open.at.port() == to.port())) {
      open.waiting.push_back(wire);
      return wire;
    }
  }
  wire->open = false;
  wire->reset = true;
  return wire;
}

int World::put(Open open) {
  int descriptor = 1000;  // far from the real ones; the lowest that is free, as a kernel does it
  while (open_.contains(descriptor)) ++descriptor;
  open_.emplace(descriptor, std::move(open));
  return descriptor;
}

int World::add(std::shared_ptr<Wire> wire) {
  return put({.use = Use::stream, .wire = std::move(wire), .at = {}, .waiting = {}});
}

int World::add_foreign() {
  return put({.use = Use::foreign, .wire = {}, .at = {}, .waiting = {}});
}

int World::add_listener(const Address& at) {
  return put({.use = Use::listener, .wire = {}, .at = at, .waiting = {}});
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

void World::close(int descriptor) {
  const auto found = open_.find(descriptor);
  require(found != open_.end(), "a descriptor was closed that is not open");
  if (found->second.wire) found->second.wire->close();
  for (const auto& wire : found->second.waiting) {
    wire->open = false;
    wire->break_off();
  }
  open_.erase(found);
}

int World::take_port() {
  if (next_port_ > 65535) next_port_ = 20000;
  return next_port_++;
}

Result<Address> World::choose(const Address& wanted) {
  const bool number = wanted.family() != Family::local && wanted.port() == 0;
  const Address at = number ? Address(wanted.host(), take_port()) : wanted;
  for (const auto& [descriptor, open] : open_) {
    if (open.use == Use::listener && open.at == at) return std::make_error_code(std::errc::address_in_use);
  }
  return at;
}

}  // namespace parley::memory
