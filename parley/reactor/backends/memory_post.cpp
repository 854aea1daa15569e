#include <algorithm>
#include <iterator>
#include <utility>

#include "parley/reactor/backends/memory_world.h"

// The network's datagrams.
namespace parley::memory {

namespace {

constexpr std::size_t longest = 65507;  // what fits into one of UDP over IPv4

bool is_everybody(const Address& address) {
  return address.family() == Family::inet && address.host() == "255.255.255.255";
}

// Whether one may not be bound while the other is. Each machine has all its addresses to itself, and they
// share those that are named.
bool collide(const Mailbox& one, const Mailbox& other) {
  if (one.at.family() == Family::local || other.at.family() == Family::local) {
    return one.at == other.at && !one.at.path().empty();
  }
  if (one.at.port() != other.at.port()) return false;
  if ((one.reuse_port && other.reuse_port) || (one.listen_multiple && other.listen_multiple)) return false;
  const bool dual = one.family == Family::unspecified || other.family == Family::unspecified;
  if (!dual && one.family != other.family) return false;
  const bool everywhere = one.machine == other.machine && (one.every_host() || other.every_host());
  return everywhere || one.at == other.at;
}

}  // namespace

bool is_group(const Address& address) {
  const unsigned char first = address.compact().bytes[0];
  return (address.family() == Family::inet && (first & 0xf0) == 0xe0) ||
         (address.family() == Family::inet6 && first == 0xff);
}

bool Mailbox::every_host() const {
  return is_every_host(at);
}

bool Mailbox::is_at(const Address& address) const {
  return covers(at, v6_only, address) && (at.family() != Family::local || !at.path().empty());
}

Result<std::shared_ptr<Mailbox>> World::open_mailbox(Mailbox mailbox) {
  if (mailbox.at.family() != Family::local && mailbox.at.port() == 0) {
    mailbox.at = Address(mailbox.at.host(), take_port());
  }
  mailbox.family = family_of(mailbox.at, mailbox.v6_only);
  for (const auto& other : mailboxes_) {
    if (collide(mailbox, *other)) return in_use(mailbox.family, other->family);
  }
  mailboxes_.push_back(std::make_shared<Mailbox>(std::move(mailbox)));
  return mailboxes_.back();
}

void World::close_mailbox(const std::shared_ptr<Mailbox>& mailbox) {
  mailbox->open = false;
  std::erase(mailboxes_, mailbox);
}

std::error_code World::connect(Mailbox& mailbox, const Address& peer) {
  if (peer.family() == Family::unspecified) return std::make_error_code(std::errc::invalid_argument);
  const bool local = peer.family() == Family::local;
  if (mailbox.family != peer.family() && (local || mailbox.family != Family::unspecified)) {
    return std::make_error_code(std::errc::address_family_not_supported);
  }
  if (local && !mailbox_for(peer, mailbox.at)) {
    return std::make_error_code(peer.path().starts_with('\0') ? std::errc::connection_refused
                                                              : std::errc::no_such_file_or_directory);
  }
  mailbox.peer = peer;
  if (mailbox
          .every_host()) {  // the kernel chooses one of our addresses, which is the peer's where it is here
    mailbox.at = Address(peer.family() == Family::inet ? "127.0.0.1" : "::1", mailbox.at.port());
  }
  return {};
}

std::error_code World::post(Mailbox& sender, std::string_view bytes, const Address* to, const Address* from) {
  if (to == nullptr) {
    if (!sender.connected()) return std::make_error_code(std::errc::destination_address_required);
    to = &sender.peer;
  }
  const bool local = to->family() == Family::local;
  const auto fits = [&](Family family) {
    return sender.family == family || (sender.family == Family::unspecified && family != Family::local);
  };
  if (to->family() == Family::unspecified) return std::make_error_code(std::errc::invalid_argument);
  if (!fits(to->family())) return std::make_error_code(std::errc::address_family_not_supported);
  if (local) {
    const auto mailbox = mailbox_for(*to, sender.at);
    if (!mailbox) {
      return std::make_error_code(to == &sender.peer || to->path().starts_with('\0')
                                      ? std::errc::connection_refused
                                      : std::errc::no_such_file_or_directory);
    }
    if (full(*mailbox)) return std::make_error_code(std::errc::operation_would_block);
    mailbox->queue.push_back({.bytes = std::string(bytes), .peer = sender.at, .asked = {}});
    return {};
  }
  if (bytes.size() > longest) return std::make_error_code(std::errc::message_size);
  if (is_everybody(*to) && !sender.broadcasts) return std::make_error_code(std::errc::permission_denied);
  if (from != nullptr && from->family() != to->family()) {
    return std::make_error_code(std::errc::invalid_argument);
  }
  Address source = sender.at;
  if (from != nullptr) {
    source = Address(from->host(), sender.at.port());
  } else if (sender.every_host()) {
    source = Address(to->family() == Family::inet ? "127.0.0.1" : "::1", sender.at.port());
  }
  Letter letter{.sender = {}, .datagram = {.bytes = std::string(bytes), .peer = source, .asked = *to}};
  for (const auto& mailbox : mailboxes_) {
    if (mailbox.get() == &sender) letter.sender = mailbox;
  }
  if (chance.happens(faults.lost)) return {};
  if (chance.happens(faults.doubled)) letters_.push_back(letter);
  letters_.push_back(std::move(letter));
  if (letters_.size() > 1 && chance.happens(faults.reordered)) {
    std::swap(letters_.back(), letters_[chance.below(letters_.size() - 1)]);
  }
  return {};
}

// A test keeps what it has received, and has room for it.
bool World::full(const Mailbox& mailbox) const {
  return mailbox.machine != nullptr && mailbox.queue.size() >= faults.datagrams;
}

bool World::crowded(const Mailbox& sender) const {
  if (sender.peer.family() != Family::local) return false;
  const auto mailbox = mailbox_for(sender.peer, sender.at);
  return mailbox && full(*mailbox);
}

// Nothing overtakes here: that was decided when it was sent.
bool World::carry_datagrams() {
  while (!letters_.empty()) {
    if (late()) return true;
    const Letter letter = std::move(letters_.front());
    letters_.pop_front();
    deliver(letter);
  }
  return false;
}

void World::deliver(const Letter& letter) {
  const MemoryDatagram& datagram = letter.datagram;
  const auto sender = letter.sender.lock();
  if (is_group(datagram.asked) || is_everybody(datagram.asked)) {
    for (const auto& mailbox : mailboxes_) {
      if (mailbox->at.family() == Family::local || mailbox->at.port() != datagram.asked.port()) continue;
      const bool listens = is_group(datagram.asked)
                               ? std::ranges::any_of(mailbox->groups,
                                                     [&](const auto& joined) {
                                                       return joined.first.host() == datagram.asked.host();
                                                     })
                               : mailbox->family != Family::inet6 && mailbox->every_host();
      const bool back = sender && !sender->loops && sender->machine == mailbox->machine;
      if (listens && !(is_group(datagram.asked) && back)) accept(*mailbox, datagram);
    }
    return;
  }
  if (const auto mailbox = mailbox_for(datagram.asked, datagram.peer)) {
    accept(*mailbox, datagram);
  } else if (sender && sender->connected()) {
    sender->error = std::make_error_code(std::errc::connection_refused);
  }
}

void World::accept(Mailbox& mailbox, const MemoryDatagram& datagram) {
  if (mailbox.connected() && mailbox.peer != datagram.peer) return;
  if (!full(mailbox)) mailbox.queue.push_back(datagram);
}

// The closest: one that is connected to the sender, then one at that very address. Several that share a port
// are told apart by the sender, so that one sender's datagrams stay together.
std::shared_ptr<Mailbox> World::mailbox_for(const Address& to, const Address& from) const {
  std::vector<std::shared_ptr<Mailbox>> best;
  int closest = 0;
  for (const auto& mailbox : mailboxes_) {
    if (!mailbox->is_at(to)) continue;
    if (mailbox->connected() && mailbox->peer != from) continue;
    const int close = 1 + (mailbox->at == to ? 1 : 0) + (mailbox->connected() ? 2 : 0);
    if (close > closest) best.clear();
    if (close >= closest) best.push_back(mailbox);
    closest = std::max(closest, close);
  }
  if (best.empty()) return nullptr;
  if (!best.back()->reuse_port) return best.back();  // several programs: the one that came last
  return best[static_cast<std::size_t>(from.port()) % best.size()];
}

}  // namespace parley::memory
