// Where connections come in: listeners, their limits, and what happens when no descriptor is left.

#include <stdexcept>

#include "parley/base/print.h"
#include "parley/reactor/loop.h"
#include "parley/socket/error.h"
#include "parley/socket/opening.h"

namespace parley {

namespace {

// How often it is said that connections are refused, however many are.
constexpr Duration refusal_log_interval = std::chrono::seconds(10);

bool out_of_means(std::error_code error) {
  return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
         error == std::errc::no_buffer_space || error == std::errc::not_enough_memory;
}

}  // namespace

std::uint64_t Loop::listen(const Address& address, std::shared_ptr<Factory> factory,
                           ListenSettings settings) {
  if (factory == nullptr) throw std::invalid_argument("listen: no factory was given");
  auto listener = std::make_unique<Listener>();
  const Result<Address> host = backend_->listen(*listener, address, settings.options);
  if (!host) {
    throw SocketError("listen", format(address), system_code(host.error()), advice_on_opening(host.error()));
  }
  listener->factory = std::move(factory);
  listener->settings = std::move(settings);
  listener->host = *host;
  return open_listener(std::move(listener));
}

std::uint64_t Loop::adopt_port(int descriptor, std::shared_ptr<Factory> factory, ListenSettings settings) {
  auto listener = std::make_unique<Listener>();
  const Result<Address> host = factory == nullptr ? std::make_error_code(std::errc::invalid_argument)
                                                  : backend_->adopt(*listener, Handle{descriptor});
  if (!host) {
    backend_->discard(Handle{descriptor});
    if (factory == nullptr) throw std::invalid_argument("adopt_port: no factory was given");
    throw SocketError("adopt_port", {}, host.error(), "a socket that listens is needed");
  }
  listener->host = *host;
  listener->factory = std::move(factory);
  listener->settings = std::move(settings);
  return open_listener(std::move(listener));
}

std::uint64_t Loop::open_listener(std::unique_ptr<Listener> listener) {
  listener->id = ++last_id_;
  try {
    listener->factory->start();
  } catch (...) {
    backend_->unlisten(*listener);
    throw;
  }
  backend_->set_accepting(*listener, true);
  const std::uint64_t id = listener->id;  // a factory that starts may listen elsewhere
  listeners_.emplace(id, std::move(listener));
  return id;
}

Address Loop::listening_at(std::uint64_t id) const {
  const auto found = listeners_.find(id);
  return found == listeners_.end() ? Address() : found->second->host;
}

void Loop::stop_listening(std::uint64_t id) {
  const auto found = listeners_.find(id);
  if (found == listeners_.end()) return;
  backend_->unlisten(*found->second);
  unlistened_.push_back(std::move(found->second));  // its factory may be what is being called
  listeners_.erase(found);
}

// What was listened at or watched, once nothing can be inside its callbacks any more.
void Loop::let_go() {
  std::vector<std::unique_ptr<Listener>> gone;
  gone.swap(unlistened_);
  for (const auto& listener : gone) guarded([&] { listener->factory->stop(); });
  unwatched_.clear();
}

TransportId Loop::adopt(int descriptor, const CompactAddress& peer, std::unique_ptr<Protocol> protocol) {
  Connection& connection = seat(descriptor, numbered(peer), std::move(protocol));
  made_.push_back(connection.id());
  return connection.id();
}

void Loop::tell_made(TransportId id) {
  Connection* const connection = find(id);
  if (connection == nullptr) return;
  call(*connection, [](Protocol& made) { made.connection_made(); });
  update_reading(*connection);
  if (stage_ == Stage::draining) lose(*connection);
  if (stage_ == Stage::aborting) abort(*connection, Reason(Reason::Kind::aborted), false);
}

// Local peers have no names: they are numbered as they come.
CompactAddress Loop::numbered(CompactAddress peer) {
  if (peer.family == Family::local && peer.scope == 0) peer.scope = ++last_local_peer_;
  return peer;
}

void Loop::on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& accepted) {
  const int descriptor = handle.native;
  auto& listener = static_cast<Listener&>(slot);
  const CompactAddress peer = numbered(accepted);
  const std::size_t most = listener.settings.max_connections;
  if (most != 0 && with_protocol_ >= most) return turn_away(listener, descriptor, peer);
  welcome(listener, descriptor, peer);
  between_callbacks();
}

void Loop::welcome(Listener& listener, int descriptor, const CompactAddress& peer) {
  std::unique_ptr<Protocol> protocol;
  guarded([&] { protocol = listener.factory->build_protocol(Address(peer)); });
  if (protocol == nullptr) return backend_->discard(Handle{descriptor});
  Connection& connection = seat(descriptor, peer, std::move(protocol));
  call(connection, [](Protocol& made) { made.connection_made(); });
  update_reading(connection);
}

void Loop::follow(TransportId id, std::function<void(const Reason&)> lost) {
  Connection* const connection = find(id);
  if (connection == nullptr) return;
  connection->set(Connection::followed);
  followers_[id.slot] = std::move(lost);
}

Connection& Loop::seat(int descriptor, const CompactAddress& peer, std::unique_ptr<Protocol> protocol) {
  Connection& connection = seat(descriptor, peer);
  take_protocol(connection, std::move(protocol));
  return connection;
}

void Loop::take_protocol(Connection& connection, std::unique_ptr<Protocol> protocol) {
  connection.protocol_ = std::move(protocol);
  connection.protocol_->transport_ = &connection;
  ++with_protocol_;
}

// Connections that are being made.

TransportId Loop::connect(const Address& to, const ConnectOptions& options,
                          std::function<void(std::error_code)> done) {
  Connection& connection = table_.allocate();
  connection.loop_ = this;
  connection.peer_ = numbered(to.compact());
  connection.set(Connection::connecting | Connection::gone | Connection::shut);
  connecting_.emplace(connection.id().slot, std::move(done));
  backend_->connect(connection, to, options);
  return connection.id();
}

void Loop::on_connected(StreamSlot& slot) {
  connected(static_cast<Connection&>(slot), {});
}

// Whoever is told may give it a protocol; without one, nobody wants it.
void Loop::connected(Connection& connection, std::error_code error) {
  const auto waiting = connecting_.extract(connection.id().slot);
  if (error) give_up(connection, false);
  const TransportId id = connection.id();
  guarded([&] { waiting.mapped()(error); });
  if (Connection* const left = table_.find(id); left != nullptr && left->has(Connection::connecting)) {
    give_up(*left, false);
  }
  between_callbacks();
}

void Loop::start(TransportId id, std::unique_ptr<Protocol> protocol) {
  Connection& connection = *table_.find(id);
  connection.clear(Connection::connecting | Connection::gone | Connection::shut);
  take_protocol(connection, std::move(protocol));
  made_.push_back(id);
}

void Loop::give_up(TransportId id) {
  connecting_.erase(id.slot);
  if (Connection* const connection = table_.find(id)) give_up(*connection, false);
}

Connection& Loop::seat(int descriptor, const CompactAddress& peer) {
  Connection& connection = table_.allocate();
  connection.loop_ = this;
  connection.peer_ = peer;
  backend_->open(connection, Handle{descriptor});
  return connection;
}

// One over the limit: it is told so, and closed in good order, without ever having had a protocol.
void Loop::turn_away(Listener& listener, int descriptor, const CompactAddress& peer) {
  Connection& connection = seat(descriptor, peer);
  connection.set(Connection::gone);
  write(connection, std::string_view(listener.settings.refusal));
  lose(connection);
  log_refusal("the limit of connections is reached");
}

void Loop::on_accept_failed(ListenerSlot& slot, std::error_code error) {
  auto& listener = static_cast<Listener&>(slot);
  if (out_of_means(error)) {
    std::size_t most = settings_.limits.accept_batch;
    while (most-- > 0 && backend_->refuse(slot, listener.settings.refusal)) {
    }
  }
  log_refusal(error.message());
  const std::uint64_t id = listener.id;
  timers_.add(now() + settings_.limits.accept_rest, [this, id] {
    if (const auto found = listeners_.find(id); found != listeners_.end()) {
      backend_->set_accepting(*found->second, true);
    }
  });
}

void Loop::log_refusal(std::string_view why) {
  if (refusals_logged_ && now() < *refusals_logged_ + refusal_log_interval) return;
  refusals_logged_ = now();
  settings_.log->write(Level::warn, format("new connections are refused: ", why, " (", connections(),
                                           " are served; said at most every 10 s)"));
}

}  // namespace parley
