#include "parley/reactor/race.h"

#include <chrono>

#include "parley/socket/error.h"
#include "parley/socket/opening.h"
#include "parley/socket/options.h"

namespace parley {

namespace {

// A local server whose queue is full says so, and never that there is room again.
constexpr Duration full_queue_rest = std::chrono::milliseconds(20);

}  // namespace

Race::Race(Reactor& reactor, Settings settings, Outcome outcome)
    : reactor_(reactor), settings_(std::move(settings)), outcome_(std::move(outcome)) {}

Race::~Race() {
  clear();
}

void Race::add(const std::vector<Address>& addresses) {
  for (const Address& address : addresses)
    waiting_[address.family() == Family::inet6 ? 0 : 1].push_back(address);
}

std::vector<Address> Race::under_way() const {
  std::vector<Address> addresses;
  for (const Attempt& attempt : attempts_) addresses.push_back(attempt.address);
  return addresses;
}

std::optional<Address> Race::next_address() {
  if (waiting_[turn_].empty()) turn_ = 1 - turn_;
  if (waiting_[turn_].empty()) {
    turn_ = 0;
    return std::nullopt;
  }
  Address address = std::move(waiting_[turn_].front());
  waiting_[turn_].pop_front();
  turn_ = 1 - turn_;
  return address;
}

void Race::go() {
  if (next_.active()) return;
  while (const std::optional<Address> address = next_address()) {
    std::optional<Socket> connected;
    try {
      connected = begin(*address);
    } catch (const std::system_error& error) {
      failures_.push_back({*address, error.code()});
      continue;
    } catch (const AddressError&) {
      failures_.push_back({*address, std::make_error_code(std::errc::invalid_argument)});
      continue;
    }
    if (connected) return win(std::move(*connected), *address);
    if (!next_.active()) next_ = reactor_.call_later(settings_.attempt_delay, [this] { go(); });
    return;
  }
  if (!complete_ || !attempts_.empty()) return;
  const auto lost = std::move(outcome_.lost);
  lost();
}

std::optional<Socket> Race::begin(const Address& address) {
  Socket socket(address.family(), Type::stream);
  socket.setblocking(false);
  if (address.family() != Family::local) socket.setsockopt(options::no_delay, true);
  if (settings_.source) {
    if (settings_.source->family() != Family::unspecified && settings_.source->family() != address.family()) {
      throw std::system_error(std::make_error_code(std::errc::address_family_not_supported));
    }
    socket.bind(*settings_.source);
  }
  const std::error_code reason = socket.connect_ex(address);
  if (!reason && !is_its_own_peer(socket.fileno())) return socket;
  if (address.family() == Family::local && reason == std::errc::resource_unavailable_try_again) {
    waiting_[1].push_front(address);
    next_ = reactor_.call_later(full_queue_rest, [this] { go(); });
    return std::nullopt;
  }
  if (reason != std::errc::operation_in_progress && reason != std::errc::interrupted) {
    throw std::system_error(reason ? reason : std::make_error_code(std::errc::connection_refused));
  }
  const int descriptor = socket.fileno();
  const auto attempt = attempts_.insert(attempts_.end(), {std::move(socket), address, {}});
  try {
    attempt->watching =
        reactor_.watch(descriptor, Interest::write, [this, attempt](Interest) { finished(attempt); });
  } catch (...) {
    attempts_.erase(attempt);
    throw;
  }
  return std::nullopt;
}

void Race::finished(Attempts::iterator attempt) {
  const std::error_code reason = outcome_of_connecting(attempt->socket.fileno());
  attempt->watching.stop();
  Attempt ended = std::move(*attempt);
  attempts_.erase(attempt);
  if (!reason) return win(std::move(ended.socket), ended.address);
  failures_.push_back({std::move(ended.address), reason});
  next_.cancel();
  go();
}

void Race::win(Socket socket, const Address& peer) {
  clear();
  const auto won = std::move(outcome_.won);
  won(std::move(socket), peer);
}

void Race::clear() {
  next_.cancel();
  for (Attempt& attempt : attempts_) attempt.watching.stop();
  attempts_.clear();
}

}  // namespace parley
