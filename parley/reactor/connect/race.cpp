#include "parley/reactor/connect/race.h"

#include <chrono>

#include "parley/reactor/loop/loop.h"

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
  if (const std::optional<Address> address = next_address()) {
    begin(*address);
    return go_on_in(settings_.attempt_delay);
  }
  if (!complete_ || !attempts_.empty()) return;
  const auto lost = std::move(outcome_.lost);
  lost();
}

void Race::begin(const Address& address) {
  const auto attempt = attempts_.insert(attempts_.end(), {.connection = {}, .address = address});
  attempt->connection = reactor_.loop().connections().connect(
      address, settings_.options, [this, attempt](std::error_code error) { finished(attempt, error); });
}

void Race::finished(Attempts::iterator attempt, std::error_code error) {
  const Attempt ended = std::move(*attempt);
  attempts_.erase(attempt);
  if (!error) {
    clear();
    // Moved out first: whoever is told may destroy this.
    const auto won = std::move(outcome_.won);
    return won(ended.connection, ended.address);
  }
  if (ended.address.family() == Family::local && error == std::errc::resource_unavailable_try_again) {
    // Not a failure: the same one again, after a rest.
    waiting_[1].push_front(ended.address);
    return go_on_in(full_queue_rest);
  }
  failures_.push_back({ended.address, error});
  next_.cancel();
  go();
}

// Instead of what was waited for before.
void Race::go_on_in(Duration time) {
  next_.cancel();
  next_ = reactor_.call_later(time, [this] { go(); });
}

void Race::clear() {
  next_.cancel();
  for (const Attempt& attempt : std::exchange(attempts_, {}))
    reactor_.loop().connections().give_up(attempt.connection);
}

}  // namespace parley
