// How connections come.

#include <limits>
#include <new>
#include <utility>

#include "parley/reactor/loop/connections.h"

namespace parley {

Connection& Connections::open(Handle handle, const CompactAddress& peer) {
  Connection& connection = table_.allocate(Life::open);
  connection.owner_ = this;
  connection.peer_ = peer;
  backend_->open(connection, handle);
  return connection;
}

void Connections::take_protocol(Connection& connection, std::unique_ptr<Protocol> protocol) {
  connection.protocol_ = std::move(protocol);
  if (Filters::attach(*connection.protocol_, connection) != nullptr) connection.bond.set(Bond::filtered);
  ++with_protocol_;
}

// Local peers have no names: they are numbered as they come.
CompactAddress Connections::numbered(CompactAddress peer) {
  if (peer.family == Family::local && peer.scope == 0) peer.scope = ++last_local_peer_;
  return peer;
}

void Connections::accept(Handle handle, const CompactAddress& peer, std::unique_ptr<Protocol> protocol,
                         Duration handshake) {
  Connection* place = nullptr;
  try {
    place = &open(handle, numbered(peer));
  } catch (const std::bad_alloc&) {  // of the table: nothing was opened
    return backend_->discard(handle);
  }
  Connection& connection = *place;
  take_protocol(connection, std::move(protocol));
  // One that closes meanwhile has a time of its own for that: it has always come further than `left`.
  if (connection.filtered() && handshake > Duration::zero()) {
    closing_.renew(connection.id(), std::numeric_limits<std::size_t>::max(), handshake);
    agenda_.wait_for_time();
  }
  call(connection,
       [&](Protocol& made) { connection.filtered() ? Filters::begin(made) : made.connection_made(); });
  reading_.update(connection);
}

TransportId Connections::adopt(Handle handle, const CompactAddress& peer,
                               std::unique_ptr<Protocol> protocol) {
  Connection& connection = open(handle, numbered(peer));
  take_protocol(connection, std::move(protocol));
  add(made_, connection.id(), *this);
  agenda_.leave_to_settle(Agenda::Soon::made);
  return connection.id();
}

TransportId Connections::adopt(Detached detached, std::unique_ptr<Protocol> protocol) {
  const TransportId id = adopt(detached.handle, detached.peer.compact(), std::move(protocol));
  Connection& connection = *table_.find(id);
  if (!detached.queued.empty()) {  // what filters there are have had nothing to do with it
    connection.wire().append(Slice(std::move(detached.queued)));
    flusher_.mark(connection);
  }
  if (detached.received.empty() && !detached.peer_ended) return id;
  // It is delivered where reading_resumed is told, which comes before anything is read, in the order of the
  // stream.
  if (detached.peer_ended) connection.input.set(Input::peer_ended);
  held_.emplace(id.slot, std::move(detached.received));
  reading_.hold(connection);
  return id;
}

void Connections::turn_away(Handle handle, const CompactAddress& peer, std::string_view words) {
  Connection& connection = open(handle, numbered(peer));
  write(connection, words);
  lose(connection);
}

void Connections::tell_made() {
  telling_made_.swap(made_);
  for (told_made_ = 0; told_made_ < telling_made_.size();) {
    Connection* const connection = find(telling_made_[told_made_++]);
    if (connection != nullptr) tell_made(*connection);
  }
  telling_made_.clear();
  told_made_ = 0;
}

// One that was put under a protocol is told as if the connection were made now.
void Connections::tell_made(Connection& connection) {
  if (connection.filtered()) {
    Filter* const filter = connection.filters().to_begin();
    if (filter == nullptr) return;  // the one below has told it meanwhile, or will
    call(connection, [&](Protocol&) { Filters::begin(*filter); });
  } else {
    call(connection, [](Protocol& protocol) { protocol.connection_made(); });
  }
  reading_.update(connection);
  if (stopping_) lose(connection);
  if (aborting_) abort(connection, Reason(Reason::Kind::aborted), false);
}

TransportId Connections::connect(const Address& to, const ConnectOptions& options,
                                 MoveOnlyFunction<void(std::error_code)> done) {
  Connection& connection = table_.allocate(Life::connecting);
  connection.owner_ = this;
  connection.peer_ = numbered(to.compact());
  connection.output.set(Output::shut);
  try {
    connecting_.emplace(connection.id().slot, std::move(done));
  } catch (...) {
    table_.release(connection);
    throw;
  }
  backend_->connect(connection, to, options);
  return connection.id();
}

// Whoever is told may give it a protocol; without one, nobody wants it.
void Connections::made(Connection& connection, std::error_code error) {
  const auto waiting = connecting_.extract(connection.id().slot);
  const TransportId id = connection.id();
  if (error) give_up(connection, false);
  calls_.guarded([&] { waiting.mapped()(error); });
  if (Connection* const left = table_.find(id); left != nullptr && left->life == Life::connecting) {
    give_up(*left, false);
  }
  between_callbacks();
}

void Connections::start(TransportId id, std::unique_ptr<Protocol> protocol) {
  Connection& connection = *table_.find(id);
  connection.life = Life::open;
  connection.output.clear(Output::shut);
  take_protocol(connection, std::move(protocol));
  add(made_, id, *this);
  agenda_.leave_to_settle(Agenda::Soon::made);
}

void Connections::give_up(TransportId id) {
  if (Connection* const connection = table_.find(id)) give_up(*connection, false);
}

void Connections::follow(TransportId id, MoveOnlyFunction<void()> made,
                         MoveOnlyFunction<void(const Reason&, std::string_view)> lost) {
  Connection* const connection = find(id);
  if (connection == nullptr) return;
  connection->bond.set(Bond::followed);
  followers_[id.slot] = {std::move(made), std::move(lost)};
}

}  // namespace parley
