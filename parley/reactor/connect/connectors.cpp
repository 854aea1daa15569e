#include "parley/reactor/connect/connectors.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/loop/loop.h"
#include "parley/socket/looking_up.h"

namespace parley {

namespace {

constexpr Family family_of_question[] = {Family::inet6, Family::inet};

// The endpoint's addresses where no name has to be looked up; none for a name.
std::vector<Address> numeric(const Endpoint& endpoint) {
  if (auto address = numeric_address(endpoint)) return {*std::move(address)};
  // This machine, whichever family its server listens with.
  if (endpoint.host.empty()) return {{"::1", endpoint.port}, {"127.0.0.1", endpoint.port}};
  return {};
}

Address at_port(const Address& address, int port) {
  CompactAddress compact = address.compact();
  compact.port = static_cast<std::uint16_t>(port);
  return Address(compact);
}

std::string list(const std::vector<Race::Failure>& failures, const std::vector<Address>& unanswered) {
  std::string text;
  const auto add = [&](const Address& address, const std::string& reason) {
    text += concat(text.empty() ? "" : "; ", address, ": ", reason);
  };
  for (const Race::Failure& failure : failures) add(failure.address, failure.error.message());
  for (const Address& address : unanswered) add(address, "no answer");
  return text;
}

SocketError stopped_error(const Endpoint& endpoint) {
  return {"connect", concat(endpoint), std::make_error_code(std::errc::operation_canceled)};
}

}  // namespace

Connectors::Connectors(Reactor& reactor, ResolverSettings settings)
    : reactor_(reactor), settings_(std::move(settings)) {}
Connectors::~Connectors() = default;

void Connectors::install(std::unique_ptr<Resolver> resolver) {
  if (resolver == nullptr) throw std::invalid_argument("install_resolver: no resolver was given");
  resolvers_.push_back(std::move(resolver));
}

Resolver& Connectors::resolver() {
  if (resolvers_.empty()) resolvers_.push_back(make_resolver(reactor_, settings_));
  return *resolvers_.back();
}

void Connectors::drop() {
  for (const EntryId id : records_.ids()) {
    Record& record = *find(id);
    record.state = Connector::State::disconnected;
    record.race.reset();
  }
  resolvers_.clear();
}

Connector Connectors::connect(const Endpoint& endpoint, std::shared_ptr<Factory> factory,
                              ConnectSettings settings) {
  if (factory == nullptr) throw std::invalid_argument("connect: no factory was given");
  std::vector<Address> addresses = numeric(endpoint);
  if (settings.family == Family::unspecified && settings.source) settings.family = settings.source->family();
  if (settings.family == Family::local && addresses.empty()) throw no_local_address(endpoint.host);
  if (settings.family != Family::unspecified && !addresses.empty()) {
    std::erase_if(addresses, [&](const Address& address) { return address.family() != settings.family; });
    if (addresses.empty())
      throw AddressError(concat("connect ", endpoint, ": the address is not of family ", settings.family));
  }
  factory->start();
  arm();
  const EntryId id = records_.next();
  auto* const told = dynamic_cast<ClientFactory*>(factory.get());
  records_.add(std::unique_ptr<Record>(new Record{.connector = {this, id},
                                                  .state = Connector::State::connecting,
                                                  .endpoint = endpoint,
                                                  .numeric = std::move(addresses),
                                                  .factory = std::move(factory),
                                                  .told = told,
                                                  .settings = std::move(settings)}));
  // In the next turn: this call calls nobody.
  find(id)->timer = reactor_.call_later(Duration::zero(), [this, id] { begin(id); });
  return {this, id};
}

// What a connector is asked.

Connectors::Record* Connectors::find(EntryId id) const {
  return records_.find(id);
}

Connector::State Connectors::state(EntryId id) const {
  const Record* const record = find(id);
  return record == nullptr || record->stopped ? Connector::State::disconnected : record->state;
}

Endpoint Connectors::destination(EntryId id) const {
  const Record* const record = find(id);
  return record == nullptr ? Endpoint("", 0) : record->endpoint;
}

TransportId Connectors::connection(EntryId id) const {
  const Record* const record = find(id);
  return record == nullptr ? TransportId() : record->connection;
}

void Connectors::again(EntryId id, Duration after) {
  Record* const record = find(id);
  if (record == nullptr || !record->in_hook || record->state != Connector::State::disconnected) return;
  if (reactor_.loop().stopping()) return;
  record->state = after > Duration::zero() ? Connector::State::waiting : Connector::State::connecting;
  record->timer = reactor_.call_later(after, [this, id] { begin(id); });
}

void Connectors::stop(EntryId id) {
  Record* const record = find(id);
  if (record == nullptr || record->stopped) return;
  if (record->state == Connector::State::connecting) return stop_soon(*record);
  if (record->state != Connector::State::waiting) return;
  record->state = Connector::State::disconnected;
  record->timer.cancel();
  // In a hook it is over when that returns.
  if (!record->in_hook) record->timer = reactor_.call_later(Duration::zero(), [this, id] { release(id); });
}

void Connectors::stop_soon(Record& record) {
  record.stopped = true;
  clear(record);
  drop_half_made(record);
  const EntryId id = record.connector.id_;
  record.timer = reactor_.call_later(Duration::zero(), [this, id] { fail_stopped(id); });
}

void Connectors::disconnect(EntryId id) {
  Record* const record = find(id);
  if (record == nullptr || record->state != Connector::State::connected) return stop(id);
  if (Transport* const transport = reactor_.find(record->connection)) transport->lose_connection();
}

// The round of a connector.

void Connectors::begin(EntryId id) {
  Record& record = *find(id);
  record.state = Connector::State::connecting;
  if (reactor_.loop().stopping()) return fail_stopped(id);
  record.timer = reactor_.call_later(record.settings.timeout, [this, id] { late(id); });
  record.questions = {};
  ConnectOptions options;
  options.source = record.settings.source;
  record.race = std::make_unique<Race>(
      reactor_, Race::Settings{.attempt_delay = record.settings.attempt_delay, .options = options},
      Race::Outcome{
          .won = [this, id](TransportId connection, const Address& peer) { won(id, connection, peer); },
          .lost = [this, id] { lost_race(id); }});
  if (record.told != nullptr) {
    reactor_.loop().call([&] { record.told->started_connecting(record.connector); });
    if (record.stopped) return;
  }
  if (record.numeric.empty()) return look_up(id);
  record.race->add(record.numeric);
  record.race->complete();
  record.race->go();
}

void Connectors::look_up(EntryId id) {
  Record& record = *find(id);
  record.asked = &resolver();
  const Family wanted = record.settings.family;
  const auto asks = [&](std::size_t which) {
    return wanted == Family::unspecified || wanted == family_of_question[which];
  };
  for (std::size_t which = 0; which < families; ++which) record.questions[which].open = asks(which);
  for (std::size_t which = 0; which < families; ++which) {
    if (!asks(which)) continue;
    record.questions[which].id = record.asked->look_up(
        record.endpoint.host, family_of_question[which],
        [this, id, which](const Resolver::Answer& answer) { answered(id, which, answer); });
  }
}

void Connectors::answered(EntryId id, std::size_t which, const Resolver::Answer& answer) {
  Record& record = *find(id);
  Question& question = record.questions[which];
  question.open = false;
  if (answer) {
    std::vector<Address> addresses;
    for (const Address& address : *answer) {
      if (address.family() == family_of_question[which])
        addresses.push_back(at_port(address, record.endpoint.port));
    }
    record.race->add(addresses);
  } else {
    question.error = answer.error();
  }
  const bool six_is_open = record.questions[0].open;
  const bool four_is_open = record.questions[1].open;
  if (!six_is_open && !four_is_open) record.race->complete();
  // IPv4 addresses wait a little for IPv6 ones, which come first; but not for those that are late.
  if (six_is_open) {
    if (answer)
      record.resolution_delay =
          reactor_.call_later(record.settings.resolution_delay, [this, id] { find(id)->race->go(); });
    return;
  }
  record.resolution_delay.cancel();
  record.race->go();
}

// A connection that nobody starts is given up by the loop.
void Connectors::won(EntryId id, TransportId connection, const Address& peer) {
  Record& record = *find(id);
  std::unique_ptr<Protocol> protocol;
  reactor_.loop().call(
      [&] { protocol = detail::wrapped(record.settings.wrap, peer, record.factory->build_protocol(peer)); });
  if (record.stopped) return;
  if (protocol == nullptr) {
    return fail(id, SocketError("connect", concat(record.endpoint),
                                std::make_error_code(std::errc::connection_aborted),
                                "the factory made no protocol for it"));
  }
  // Under a filter it is made when that lets the protocol begin, and has until then the time that is left.
  const Timer deadline = std::exchange(record.timer, {});
  clear(record);
  record.timer = deadline;
  record.connection = connection;
  reactor_.loop().connections().start(connection, std::move(protocol));
  reactor_.loop().connections().follow(
      connection, [this, id] { connected(id); },
      [this, id, connection](const Reason& reason, std::string_view detail) {
        lost(id, connection, reason, detail);
      });
  if (!record.settings.wrap) connected(id);
}

void Connectors::connected(EntryId id) {
  Record* const record = find(id);
  if (record == nullptr || record->state != Connector::State::connecting) return;
  record->timer.cancel();
  record->state = Connector::State::connected;
  if (record->told != nullptr) {
    reactor_.loop().call([&] { record->told->client_connected(record->connector); });
  }
}

void Connectors::lost(EntryId id, TransportId connection, Reason reason, std::string_view detail) {
  Record* const record = find(id);
  if (record == nullptr || record->connection != connection) return;  // it was given up before
  record->connection = {};
  if (record->state == Connector::State::connecting) {
    if (!detail.empty())
      return fail(id, SocketError("connect", concat(record->endpoint), reason.error(), detail));
    return fail(
        id, SocketError("connect", concat(record->endpoint),
                        reason.error() ? reason.error() : std::make_error_code(std::errc::connection_aborted),
                        concat("it was reached, and the connection ended before its protocol could "
                               "begin: ",
                               reason)));
  }
  record->state = Connector::State::disconnected;
  call_hook(*record, [&] {
    if (record->told != nullptr) record->told->client_connection_lost(record->connector, reason);
  });
}

// One that was reached, and whose protocol could not begin yet.
void Connectors::drop_half_made(Record& record) {
  if (Transport* const half_made = reactor_.find(std::exchange(record.connection, {}))) {
    half_made->abort_connection();
  }
}

// What went wrong.

void Connectors::lost_race(EntryId id) {
  const Record& record = *find(id);
  const std::vector<Race::Failure>& failures = record.race->failures();
  const auto& [six, four] = record.questions;
  // What an address has answered says more than a question that failed.
  if (!failures.empty()) {
    const std::error_code reason = failures.back().error;
    const bool named = failures.size() == 1 && !record.numeric.empty();
    const bool left_over =
        reason == std::errc::connection_refused && failures.back().address.family() == Family::local;
    return fail(id, SocketError("connect", concat(record.endpoint), reason,
                                left_over ? "the socket file is there, but nobody listens on it"
                                : named   ? ""
                                          : list(failures, {})));
  }
  const std::error_code reason = four.error ? four.error : six.error;
  const bool differ = four.error && six.error && four.error != six.error;
  fail(id,
       ResolveError("resolve", record.endpoint.host, reason,
                    differ ? concat("IPv4: ", four.error.message(), "; IPv6: ", six.error.message()) : ""));
}

void Connectors::late(EntryId id) {
  const Record& record = *find(id);
  std::string advice;
  if (record.race == nullptr) {
    advice = "it was reached, and the protocol could not begin in this time";
  } else {
    advice = list(record.race->failures(), record.race->under_way());
  }
  if (advice.empty()) {
    advice =
        record.numeric.empty() ? "no name server has answered" : "the queue of who listens there is full";
  }
  fail(id, Timeout("connect", concat(record.endpoint), record.settings.timeout, advice));
}

void Connectors::fail_stopped(EntryId id) {
  fail(id, stopped_error(find(id)->endpoint));
}

void Connectors::fail(EntryId id, const SocketError& error) {
  Record& record = *find(id);
  clear(record);
  drop_half_made(record);
  record.stopped = false;
  record.state = Connector::State::disconnected;
  call_hook(record, [&] { tell_failed(record, error); });
}

void Connectors::tell_failed(Record& record, const SocketError& error) {
  if (record.told != nullptr) {
    record.told->client_connection_failed(record.connector, error);
  } else if (record.settings.failed) {
    record.settings.failed(error);
  } else {
    reactor_.loop().log().write(Level::warn, error.what());
  }
}

template <class Hook>
void Connectors::call_hook(Record& record, Hook hook) {
  record.in_hook = true;
  reactor_.loop().call(hook);
  record.in_hook = false;
  // Unless it was asked in the hook to try again.
  if (record.state == Connector::State::disconnected) release(record.connector.id_);
}

void Connectors::clear(Record& record) {
  record.timer.cancel();
  record.resolution_delay.cancel();
  for (Question& question : record.questions) {
    if (question.open) record.asked->cancel(question.id);
    question.open = false;
  }
  record.race.reset();
}

void Connectors::release(EntryId id) {
  const std::unique_ptr<Record> over = records_.take(id);
  reactor_.loop().call([&] { over->factory->stop(); });
}

// While a reactor stops, what is half made is given up, and nothing is tried again.

void Connectors::arm() {
  if (armed_) return;
  armed_ = true;
  during_ = reactor_.on_stop(Stopping::during, [this] { stop_all(); });
  after_ = reactor_.on_stop(Stopping::after, [this] {
    stop_all();
    armed_ = false;
    during_.remove();
  });
}

void Connectors::stop_all() {
  for (const EntryId id : records_.ids()) {
    Record* const record = find(id);
    if (record == nullptr || record->state == Connector::State::connected) continue;
    if (record->state == Connector::State::connecting) {
      fail_stopped(id);
    } else {
      record->timer.cancel();
      release(id);
    }
  }
}

// Connector, which only hands on.

Connector::State Connector::state() const {
  return connectors_ == nullptr ? State::disconnected : connectors_->state(id_);
}
Endpoint Connector::destination() const {
  return connectors_ == nullptr ? Endpoint("", 0) : connectors_->destination(id_);
}
TransportId Connector::connection() const {
  return connectors_ == nullptr ? TransportId() : connectors_->connection(id_);
}
void Connector::connect(Duration after) {
  if (connectors_ != nullptr) connectors_->again(id_, after);
}
void Connector::stop_connecting() {
  if (connectors_ != nullptr) connectors_->stop(id_);
}
void Connector::disconnect() {
  if (connectors_ != nullptr) connectors_->disconnect(id_);
}

}  // namespace parley
