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

// What filters have asked for in a flush, or could not give in it.
void Connections::flush_again(Connection& connection) {
  if (!flush_again_.empty() && flush_again_.back() == connection.id()) return;
  add(flush_again_, connection.id(), *this);
  agenda_.put_off(Agenda::Due::flush);
}

// The flush interval does not hold it back: what it gathers was gathered.
void Connections::flush_put_off() {
  for (const TransportId id : flush_again_) {
    if (Connection* const connection = table_.find(id)) flush_soon(*connection);
  }
  flush_again_.clear();
  urgent_ = true;
}

// Of one without filters.
bool Connections::was_told_made(const Connection& connection) const {
  const auto is_in = [&](const std::vector<TransportId>& list, std::size_t from) {
    return std::find(list.begin() + static_cast<std::ptrdiff_t>(from), list.end(), connection.id()) !=
           list.end();
  };
  return !is_in(made_, 0) && !is_in(telling_made_, told_made_);
}

// First what may fail, then what changes something.
void Connections::insert(Connection& connection, std::unique_ptr<Filter> filter, std::string_view rest) {
  if (filter == nullptr) throw std::invalid_argument("insert: no filter was given");
  if (connection.life >= Life::closing || !connection.has_protocol()) return;
  if (Filters::carries_application(*filter)) {
    throw std::logic_error("insert: the filter has an application already");
  }
  if (connection.output.any(Output::shut)) {
    throw std::logic_error("insert: our direction has ended, and a filter could say nothing");
  }
  if (flusher_.in_filters_of(connection)) {
    throw std::logic_error("insert: a filter cannot be put there while the others are being flushed");
  }
  if (inserted_.contains(connection.id().slot)) {
    throw std::logic_error("insert: another filter is being put there, and was not told of it yet");
  }
  flusher_.close_run(connection);  // what was said until now leaves without passing it
  const bool filtered = connection.filtered();
  const bool made = filtered ? connection.filters().application_made() : was_told_made(connection);
  const bool pauses =
      filtered ? connection.filters().application_pauses() : connection.output.any(Output::full);
  // Otherwise the one below tells it when it is ready.
  const bool soon = !filtered || connection.filters().let_begin();
  std::unique_ptr<Protocol>& place =
      filtered ? connection.filters().application_place() : connection.protocol_;
  if (!soon) {
    if (!rest.empty()) throw std::logic_error("insert: the filter below has not let anybody begin");
    Filters::insert(place, std::move(filter), connection.outbox, connection, made, pauses);
    return flusher_.mark(connection);
  }
  std::string copy;
  copy.assign(rest);  // throws std::length_error for more than a string holds
  const auto [entry, _] = inserted_.emplace(connection.id().slot, Inserted{filter.get(), std::move(copy)});
  try {
    reading_.hold(connection);
    add(made_, connection.id(), *this);
  } catch (...) {
    inserted_.erase(entry);
    throw;
  }
  Filters::insert(place, std::move(filter), connection.outbox, connection, made, pauses);
  connection.bond.set(Bond::filtered);
  flusher_.mark(connection);
  agenda_.leave_to_settle(Agenda::Soon::made);
}

// What was received where it begins comes before anything that is read from now on.
void Connections::give_rest(Connection& connection) {
  const auto found = inserted_.find(connection.id().slot);
  if (found == inserted_.end()) return;
  const bool closes = connection.filters_wait();
  if (closes ? !connection.filters_read() : !connection.reading()) return;
  Inserted inserted = std::move(found->second);
  inserted_.erase(found);
  if (inserted.rest.empty()) return;
  Protocol& filter = *inserted.filter;
  const auto give = [&](Protocol&) { filter.data_received(inserted.rest); };
  closes ? call_filters(connection, give) : call(connection, give);
}

// Of one that is not read, but perhaps closes.
void Connections::resume_filters(Connection& connection) {
  if (!connection.filters_wait() || !connection.filters_read()) return;
  call_filters(connection, [](Protocol& lowest) { lowest.reading_resumed(); });
  reading_.update(connection);
}

void Connections::hold_input(Connection& connection, bool held) {
  if (held) {
    reading_.withhold(connection);
  } else if (!connection.filters().pause_input()) {
    reading_.allow(connection);
  }
}

// As `lose`, but a producer is not waited for: what it writes is not wanted any more.
void Connections::fail_in_order(Connection& connection, std::error_code error, std::string detail) {
  if (connection.lost() || connection.given_up()) return;
  if (!failures_.try_emplace(connection.id().slot, Failure{error, std::move(detail)}).second) return;
  if (connection.life == Life::closing) return;
  closing_.drop(connection.id());
  if (connection.bond.any(Bond::produces)) producers_.ask(connection);
  begin_closing(connection);
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
void Connection::fail_in_order(std::error_code error, std::string detail) {
  owner_->fail_in_order(*this, error, std::move(detail));
}
void Connection::application_made() {
  owner_->application_made(*this);
}

}  // namespace parley
