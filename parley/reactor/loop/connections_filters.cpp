// What a connection is asked by its filters, and how one is put under a living protocol.

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "parley/reactor/loop/connections.h"

namespace parley {

void Connections::filter_failed(Connection& connection) {
  escaped(connection);
}

// They go before the connection may: what is in flight stays with it.
void Connections::drop_filters(Connection& connection) {
  connection.filters().clear_above_wire(flusher_.backlog());
  connection.outbox.swap(connection.wire());
  connection.bond.clear(Bond::filtered);
}

void Connections::insert(Connection& connection, std::unique_ptr<Filter> filter, std::string_view rest) {
  if (filter == nullptr) throw std::invalid_argument("insert: no filter was given");
  if (connection.output.any(Output::shut) || !connection.has_protocol()) return;
  if (flusher_.in_filters_of(connection)) {
    throw std::logic_error("insert: a filter cannot be put there while the others are being flushed");
  }
  if (inserted_.contains(connection.id().slot)) {
    throw std::logic_error("insert: another filter is being put there, and was not told of it yet");
  }
  flusher_.close_run(connection);  // what was said until now leaves without passing it
  const bool made = std::find(made_.begin(), made_.end(), connection.id()) == made_.end();
  std::unique_ptr<Protocol>& place =
      connection.filtered() ? connection.filters().application_place() : connection.protocol_;
  Filter& inserted = Filters::insert(place, std::move(filter), connection.outbox, connection, made);
  connection.bond.set(Bond::filtered);
  flusher_.mark(connection);
  inserted_.emplace(connection.id().slot, Inserted{&inserted, std::string(rest), !made});
  reading_.hold(connection);
  if (!made) return;  // it is told so with the others
  add(made_, connection.id(), *this);
  agenda_.leave_to_settle(Agenda::Soon::made);
}

// Tells one that was put under a protocol that the connection is made. False: there is none to be told.
bool Connections::begin_inserted(Connection& connection) {
  const auto found = inserted_.find(connection.id().slot);
  if (found == inserted_.end() || found->second.begun) return false;
  found->second.begun = true;
  Filter& filter = *found->second.filter;
  call(connection, [&](Protocol&) { Filters::begin(filter); });
  return true;
}

// What was received where it begins comes before anything that is read from now on.
void Connections::give_rest(Connection& connection) {
  const auto found = inserted_.find(connection.id().slot);
  if (found == inserted_.end() || !connection.reading()) return;
  Inserted inserted = std::move(found->second);
  inserted_.erase(found);
  if (inserted.rest.empty()) return;
  call(connection, [&](Protocol&) { static_cast<Protocol*>(inserted.filter)->data_received(inserted.rest); });
}

void Connections::hold_input(Connection& connection, bool held) {
  if (held) {
    reading_.withhold(connection);
  } else if (!connection.filters().pause_input()) {
    reading_.allow(connection);
  }
}

void Connections::application_made(Connection& connection) {
  if (connection.life == Life::open) closing_.drop(connection.id());  // the time for its handshake
  if (connection.bond.any(Bond::followed)) followers_.at(connection.id().slot).made();
}

// Connection, which only hands on.

void Connection::insert(std::unique_ptr<Filter> filter, std::string_view rest) {
  owner_->insert(*this, std::move(filter), rest);
}
void Connection::flush_soon() {
  owner_->flush_soon(*this);
}
void Connection::hold_input(bool held) {
  owner_->hold_input(*this, held);
}
void Connection::fail(std::error_code error) {
  owner_->abort(*this, Reason(Reason::Kind::failed, error), true);
}
void Connection::application_made() {
  owner_->application_made(*this);
}

}  // namespace parley
