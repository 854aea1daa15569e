#include "parley/reactor/backends/memory_datagrams.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace parley::memory {

constexpr std::size_t most_at_once = 64;  // as Limits::datagram_batch says

MemoryDatagrams::MemoryDatagrams(const BackendSetting& setting, World& world, const void* machine)
    : up_(setting.up), limits_(setting.limits), world_(world), machine_(machine) {}

MemoryDatagrams::~MemoryDatagrams() {
  for (const auto& [serial, port] : ports_) world_.close(port.descriptor);
}

MemoryDatagrams::Port& MemoryDatagrams::used(const DatagramSlot& slot) {
  return const_cast<Port&>(known(slot));
}

const MemoryDatagrams::Port& MemoryDatagrams::known(const DatagramSlot& slot) const {
  const auto found = ports_.find(slot.state);
  require(found != ports_.end() && found->second.slot == &slot,
          "a slot of datagrams was used that is not bound");
  require(!found->second.closing, "a slot of datagrams was used after close");
  return found->second;
}

void MemoryDatagrams::check_storage() const {
  for (const auto& [serial, port] : ports_) {
    require(port.slot->state == serial && port.slot->handle.native == port.descriptor,
            "rule 2: the storage of a slot of datagrams was changed before on_closed");
  }
}

Result<Address> MemoryDatagrams::bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options) {
  require(!storage_.contains(&slot), "rule 2: a slot's storage was used again before on_closed");
  Mailbox wanted;
  wanted.at = at;
  wanted.machine = machine_;
  wanted.reuse_port = options.reuse_port;
  wanted.listen_multiple = options.listen_multiple;
  wanted.v6_only = options.v6_only;
  wanted.broadcasts = options.broadcast;
  auto opened = world_.open_mailbox(std::move(wanted));
  if (!opened) return opened.error();
  slot.handle.native = world_.add_mailbox(*opened);
  slot.state = ++last_serial_;
  storage_.emplace(&slot, last_serial_);
  ports_.emplace(last_serial_, Port{.slot = &slot, .descriptor = slot.handle.native, .mailbox = *opened});
  return (*opened)->at;
}

std::error_code MemoryDatagrams::connect(DatagramSlot& slot, const Address& peer) {
  return world_.connect(*used(slot).mailbox, peer);
}

std::error_code MemoryDatagrams::change(DatagramSlot& slot, const DatagramChange& what) {
  Mailbox& mailbox = *used(slot).mailbox;
  if (mailbox.at.family() == Family::local) return std::make_error_code(std::errc::operation_not_supported);
  switch (what.what) {
    case DatagramChange::join:
    case DatagramChange::leave: {
      const Family ours = mailbox.family;
      if (!is_group(what.group) || (ours != Family::unspecified && ours != what.group.family())) {
        return std::make_error_code(std::errc::invalid_argument);
      }
      const auto group = std::pair(Address(what.group.host(), 0), what.value);
      if (what.what == DatagramChange::leave) {
        return mailbox.groups.erase(group) != 0 ? std::error_code()
                                                : std::make_error_code(std::errc::address_not_available);
      }
      return mailbox.groups.insert(group).second ? std::error_code()
                                                 : std::make_error_code(std::errc::address_in_use);
    }
    case DatagramChange::hops:
      return what.value <= 255 ? std::error_code() : std::make_error_code(std::errc::invalid_argument);
    case DatagramChange::loop:
      mailbox.loops = what.value != 0;
      return {};
    case DatagramChange::interface:
      return {};
    case DatagramChange::broadcast:
      mailbox.broadcasts = what.value != 0;
      return {};
  }
  return {};
}

void MemoryDatagrams::set_receiving(DatagramSlot& slot, bool on) {
  used(slot).receiving = on;
}

Sent MemoryDatagrams::start_send(DatagramSlot& slot, std::span<const Outgoing> batch) {
  Port& port = used(slot);
  require(port.batch == Batch::none, "rule 3: a batch was started while another is in flight");
  if (batch.empty()) return {};
  const Mailbox& mailbox = *port.mailbox;
  const bool pending = world_.chance.happens(world_.faults.pending);
  std::size_t now = batch.size();  // that many are tried at once
  if (pending) now = world_.chance.happens(world_.faults.short_write) ? world_.chance.below(now) : 0;
  Sent sent;
  for (const Outgoing& outgoing : batch.first(now)) {
    sent.error = world_.chance.happens(world_.faults.full)
                     ? std::make_error_code(std::errc::operation_would_block)
                     : world_.post(*port.mailbox, outgoing.bytes, outgoing.to, outgoing.from);
    if (sent.error) break;
    ++sent.count;
  }
  if (sent.error == std::errc::operation_would_block) {
    // Nobody tells of room for a local socket that sends to many.
    if (mailbox.at.family() != Family::local || mailbox.connected()) port.batch = Batch::full;
    return sent;
  }
  if (sent.error || now == batch.size()) return sent;
  sent.pending = true;
  port.batch = Batch::pending;
  // With copies, which tell whether what was given stays as it is.
  for (const Outgoing& outgoing : batch.subspan(now)) {
    Pinned& pinned = port.pinned.emplace_back(Pinned{outgoing, std::string(outgoing.bytes), {}, {}});
    if (outgoing.to != nullptr) pinned.to = *outgoing.to;
    if (outgoing.from != nullptr) pinned.from = *outgoing.from;
  }
  return sent;
}

void MemoryDatagrams::close(DatagramSlot& slot) {
  Port& port = used(slot);
  port.closing = true;
  if (port.batch == Batch::full) port.batch = Batch::none;
  world_.close_mailbox(port.mailbox);
}

Address MemoryDatagrams::host(const DatagramSlot& slot) const {
  return known(slot).mailbox->at;
}

bool MemoryDatagrams::has_room(const Port& port) const {
  return port.closing || !world_.crowded(*port.mailbox);
}

bool MemoryDatagrams::collect(std::vector<Event>& events) {
  bool left = false;
  for (const auto& [serial, port] : ports_) {
    const auto happens = [&](Event::Kind kind) {
      if (world_.late()) {
        left = true;
      } else {
        events.push_back({kind, serial});
      }
    };
    if (port.receiving && !port.closing && !port.mailbox->queue.empty()) happens(Event::datagrams);
    if (port.mailbox->error && !port.closing) happens(Event::told);
    if (port.batch != Batch::none) {
      if (has_room(port)) happens(Event::sent);
    } else if (port.closing) {
      happens(Event::closed);
    }
  }
  return left;
}

void MemoryDatagrams::submit(std::vector<Event>& events) {
  for (const auto& [serial, port] : ports_) {
    if (port.batch == Batch::pending && !world_.late()) events.push_back({Event::sent, serial});
  }
}

void MemoryDatagrams::tell(const Event& event) {
  const auto found = ports_.find(event.serial);
  if (found == ports_.end()) return;
  Port& port = found->second;
  switch (event.kind) {
    case Event::datagrams:
      if (port.receiving && !port.closing) receive(port);
      break;
    case Event::told:
      if (port.closing || !port.mailbox->error) break;
      up_.on_datagram_error(*port.slot, std::exchange(port.mailbox->error, {}));
      break;
    case Event::sent:
      if (port.batch != Batch::none && has_room(port)) complete(port);
      break;
    default:
      if (port.closing && port.batch == Batch::none) finish(event.serial);
      break;
  }
}

void MemoryDatagrams::receive(Port& port) {
  std::deque<MemoryDatagram>& queue = port.mailbox->queue;
  const std::size_t batch = std::clamp<std::size_t>(limits_.datagram_batch, 1, most_at_once);
  const std::size_t count = world_.some(std::min(queue.size(), batch), world_.faults.short_read);
  if (count == 0) return;
  // Each on the heap and no larger than it must be, so that AddressSanitizer sees who reads past it.
  std::vector<std::pair<std::unique_ptr<char[]>, std::size_t>> lent;
  std::vector<Received> received;
  for (std::size_t i = 0; i < count; ++i) {
    const MemoryDatagram datagram = std::move(queue.front());
    queue.pop_front();
    const std::size_t size = std::min(datagram.bytes.size(), limits_.datagram_bytes);
    auto bytes = std::make_unique<char[]>(size);
    std::memcpy(bytes.get(), datagram.bytes.data(), size);
    received.push_back({.bytes = {bytes.get(), size},
                        .peer = datagram.peer,
                        .asked = datagram.asked,
                        .whole = size == datagram.bytes.size()});
    lent.emplace_back(std::move(bytes), size);
  }
  up_.on_datagrams(*port.slot, received);
  // Whoever has kept one finds this.
  for (const auto& [bytes, size] : lent) std::memset(bytes.get(), '#', size);
}

void MemoryDatagrams::complete(Port& port) {
  std::size_t count = 0;
  std::error_code error;
  if (port.batch == Batch::pending) {
    for (const Pinned& pinned : port.pinned) {
      const bool kept = pinned.given.bytes == pinned.bytes &&
                        (!pinned.to || *pinned.given.to == *pinned.to) &&
                        (!pinned.from || *pinned.given.from == *pinned.from);
      require(kept, "rule 2: a pending batch was changed before on_sent");
    }
    // One that is cancelled may have sent any part of it.
    const std::size_t most = port.closing ? world_.chance.below(port.pinned.size() + 1)
                                          : world_.some(port.pinned.size(), world_.faults.short_write);
    for (const Pinned& pinned : std::span(port.pinned).first(most)) {
      error = world_.post(*port.mailbox, pinned.bytes, pinned.given.to, pinned.given.from);
      if (error) break;
      ++count;
    }
  }
  // As long as it is the peer's room that is missing, the kernel waits: the rest may be tried again.
  if (error == std::errc::operation_would_block && port.mailbox->connected()) error = {};
  port.batch = Batch::none;
  port.pinned.clear();
  up_.on_sent(*port.slot, count, error);
}

void MemoryDatagrams::finish(std::uint32_t serial) {
  const auto node = ports_.extract(serial);
  const Port& port = node.mapped();
  require(port.slot->state == serial && port.slot->handle.native == port.descriptor,
          "rule 2: the storage of a slot of datagrams was changed before on_closed");
  storage_.erase(port.slot);
  world_.close(port.descriptor);
  up_.on_closed(*port.slot);
}

}  // namespace parley::memory
