#include "parley/reactor/backends/memory.h"

#include <algorithm>
#include <utility>

#include "parley/reactor/backends/memory_backend.h"
#include "parley/reactor/backends/memory_world.h"

namespace parley {

MemoryFaults MemoryFaults::rough() {
  MemoryFaults faults;
  faults.late = 0.4;
  faults.pending = 0.7;
  faults.together = 0.4;
  faults.short_write = 0.5;
  faults.short_read = 0.6;
  faults.disarm = 0.3;
  faults.keep = 0.5;
  faults.drop = 0.5;
  faults.lost = 0.1;
  faults.doubled = 0.1;
  faults.reordered = 0.2;
  faults.full = 0.3;
  faults.shuffle = true;
  faults.buffers = 4;
  faults.buffer_bytes = 256;
  faults.send_bytes = 4096;
  return faults;
}

void MemoryPeer::send(std::string_view bytes) {
  memory::require(!wire_->peer_ended, "a peer sends after its close");
  if (wire_->reset) return;
  if (wire_->open) {
    wire_->incoming += bytes;
  } else {
    wire_->break_off();  // nobody is there any more
  }
}

void MemoryPeer::close() {
  wire_->peer_ended = true;
}

void MemoryPeer::reset(std::error_code error) {
  if (wire_->reset) return;
  wire_->lose(error);
}

void MemoryPeer::window(std::size_t bytes) {
  wire_->window = bytes;
}

void MemoryPeer::read_everything() {
  wire_->window = memory::Wire::everything;
}

const std::string& MemoryPeer::received() const {
  return wire_->received;
}

std::string MemoryPeer::take() {
  return std::exchange(wire_->received, {});
}

bool MemoryPeer::ended() const {
  return wire_->ended;
}

bool MemoryPeer::was_reset() const {
  return wire_->reset;
}

std::size_t MemoryPeer::unread() const {
  return wire_->incoming.size();
}

std::size_t MemoryPeer::writes() const {
  return wire_->writes;
}

Address MemoryPeer::address() const {
  return wire_->peer;
}

Address MemoryPeer::peer() const {
  return wire_->host;
}

Address MemoryListener::address() const {
  return listener_->at;
}

std::size_t MemoryListener::waiting() const {
  return listener_->waiting.size();
}

MemoryPeer MemoryListener::accept() {
  memory::require(!listener_->waiting.empty(), "a connection was accepted, and none waits");
  MemoryPeer peer(std::move(listener_->waiting.front()));
  listener_->waiting.pop_front();
  return peer;
}

void MemoryListener::close() {
  listener_->open = false;
  for (auto& wire : std::exchange(listener_->waiting, {})) MemoryPeer(std::move(wire)).reset();
}

void MemoryDatagramPeer::send_to(std::string_view bytes, const Address& to) {
  memory::require(mailbox_->open, "a peer sends after its close");
  (void)world_->post(*mailbox_, bytes, &to, nullptr);
}

const std::deque<MemoryDatagram>& MemoryDatagramPeer::received() const {
  return mailbox_->queue;
}

std::deque<MemoryDatagram> MemoryDatagramPeer::take() {
  return std::exchange(mailbox_->queue, {});
}

void MemoryDatagramPeer::join_group(const Address& group) {
  mailbox_->groups.emplace(group, 0);
}

void MemoryDatagramPeer::close() {
  if (mailbox_->open) world_->close_mailbox(mailbox_);
}

Address MemoryDatagramPeer::address() const {
  return mailbox_->at;
}

MemoryNetwork::MemoryNetwork(ManualClock& clock, std::uint64_t seed, const MemoryFaults& faults)
    : world_(std::make_unique<memory::World>(clock, seed, faults)) {}

MemoryNetwork::~MemoryNetwork() = default;

std::function<std::unique_ptr<Backend>(const BackendSetting&)> MemoryNetwork::backend() {
  return [this](const BackendSetting& setting) -> std::unique_ptr<Backend> {
    return std::make_unique<memory::MemoryBackend>(setting, *world_);
  };
}

MemoryPeer MemoryNetwork::connect(const Address& to) {
  return MemoryPeer(world_->connect(to));
}

MemoryPeer MemoryNetwork::connect(int port) {
  return connect(Address("127.0.0.1", port));
}

std::pair<int, MemoryPeer> MemoryNetwork::connected() {
  auto wire = world_->make_wire(Address("127.0.0.1", 7));
  const int descriptor = world_->add(wire);
  return {descriptor, MemoryPeer(std::move(wire))};
}

int MemoryNetwork::listen(const Address& at) {
  const Result<Address> chosen = world_->choose({.at = at});
  memory::require(chosen.ok(), "two listeners at one address");
  return world_->add_listener({.at = *chosen});
}

MemoryListener MemoryNetwork::listen_peer(const Address& at) {
  return MemoryListener(world_->listen_far(at));
}

void MemoryNetwork::silence(const Address& at) {
  world_->silent.insert(at);
}

MemoryDatagramPeer MemoryNetwork::datagram_peer(const Address& at) {
  memory::Mailbox mailbox;
  mailbox.at = at;
  mailbox.broadcasts = true;
  auto opened = world_->open_mailbox(std::move(mailbox));
  memory::require(opened.ok(), "two sockets of datagrams at one address");
  return {*world_, std::move(*opened)};
}

void MemoryNetwork::name(const std::string& host, std::vector<Address> addresses) {
  world_->names[host] = std::move(addresses);
}

int MemoryNetwork::file(std::string contents) {
  return world_->add_file(std::move(contents));
}

void MemoryNetwork::fail_accepts(std::size_t count, std::error_code error) {
  world_->failing_accepts = count;
  world_->accept_error = error;
}

int MemoryNetwork::descriptor() {
  return world_->add_foreign();
}

void MemoryNetwork::set_ready(int descriptor, Interest ready) {
  world_->ready(descriptor) = ready;
}

void MemoryNetwork::close(int descriptor) {
  world_->close(descriptor);
}

void MemoryNetwork::set_faults(const MemoryFaults& faults) {
  world_->faults = faults;
}

std::size_t MemoryNetwork::open_descriptors() const {
  return world_->open_descriptors();
}

std::uint64_t MemoryNetwork::turns() const {
  return world_->turns;
}

ManualClock& MemoryNetwork::clock() {
  return world_->clock;
}

}  // namespace parley
