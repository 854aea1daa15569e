// What a connection is asked by its protocol and by everybody else: writing, closing, leaving.

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/loop/connections.h"
#include "parley/socket/error.h"

namespace parley {

namespace {
// A text from this size on is given an owner rather than a place on the tape, so that a large answer is
// copied once and its peer may take its time over it.
constexpr std::size_t owned_from = 32 * 1024;
// A slice below this is copied: to remember it, and who keeps it alive, would cost more.
constexpr std::size_t slice_from = 1024;
}  // namespace

void Connections::write(Connection& connection, std::string_view bytes) {
  const bool small = bytes.size() - 1 < owned_from - 1;  // and not empty
  if (small && !connection.output.any(Output::shut, Output::lagging) &&
      flusher_.write_in_room(connection, bytes)) {
    return flow_.published(bytes.size());
  }
  write_pieces(connection, bytes);
}

void Connections::write_pieces(Connection& connection, std::string_view bytes) {
  write(connection, {&bytes, 1});
}

void Connections::write(Connection& connection, std::span<const std::string_view> pieces) {
  if (connection.output.any(Output::shut)) return;
  std::size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  if (total == 0) return;
  flusher_.close_run(connection);
  if (total >= owned_from) return write_large(connection, pieces, total);
  Tape& tape = flusher_.single_tape();
  char* const place = tape.reserve(total);  // all of it, or nothing was written
  char* end = place;
  for (const std::string_view piece : pieces) end = std::copy(piece.begin(), piece.end(), end);
  connection.outbox.append({place, total});
  tape.take(total);
  flusher_.mark(connection);
  flow_.published(total, connection);
}

void Connections::write(Connection& connection, Slice slice) {
  if (slice.size() < slice_from) return write(connection, slice.view());
  if (connection.output.any(Output::shut)) return;
  flusher_.close_run(connection);
  const std::size_t size = slice.size();
  connection.outbox.append(std::move(slice));
  flusher_.mark(connection);
  flow_.published(size, connection);
}

void Connections::send_file(Connection& connection, FilePart part) {
  if (!part.file) throw std::invalid_argument("send_file: no file was given");
  if (connection.output.any(Output::shut) || part.count == 0) return;
  flusher_.close_run(connection);
  connection.outbox.append(std::move(part));
  flusher_.mark(connection);
}

// The kernel is offered it now, so that what it takes is not copied here; the rest gets an owner.
void Connections::write_large(Connection& connection, std::span<const std::string_view> pieces,
                              std::size_t total) {
  std::size_t taken = 0;
  if (connection.outbox.empty() && !connection.output.any(Output::waits) && !connection.filtered()) {
    taken = backend_->offer(connection, pieces);
  }
  if (taken < total) {
    const std::size_t rest = total - taken;
    if (!has_room(rest) && !make_room(connection, rest)) return;
    try {
      connection.outbox.append_text(pieces, taken, flusher_.backlog());
    } catch (const std::bad_alloc&) {
      if (taken != 0) starved(connection);  // what is written next would not follow
      throw;
    }
  }
  flusher_.mark(connection);
  flow_.published(total, connection);
}

void Connections::shutdown_write(Connection& connection) {
  if (connection.output.any(Output::shut)) return;
  flusher_.close_run(connection);
  connection.output.set(Output::shut, Output::ending);
  flusher_.mark(connection);
  if (connection.bond.any(Bond::produces)) producers_.ask(connection);  // to stop
}

void Connections::lose(Connection& connection) {
  if (connection.life != Life::open) return;
  flusher_.close_run(connection);
  // Closed after the peer has ended is closed by the peer, also when lines were left to handle.
  if (connection.input.any(Input::peer_ended)) connection.bond.set(Bond::by_peer);
  if (connection.bond.any(Bond::produces)) {  // goes on in unregister_producer
    connection.life = Life::leaving;
    watch_closing(connection);
    return reading_.update(connection);
  }
  begin_closing(connection);
}

void Connections::begin_closing(Connection& connection) {
  connection.life = Life::closing;
  connection.output.set(Output::shut);
  urgent_ = true;
  // Where the kernel is full already, the peer's time begins now; otherwise, if it turns out so in the flush.
  if (connection.output.any(Output::waits)) watch_closing(connection);
  reading_.update(connection);
  flusher_.mark(connection);
}

void Connections::register_producer(Connection& connection, Producer& producer, Production how) {
  if (connection.bond.any(Bond::produces)) {
    throw std::logic_error("register_producer: the transport has a producer already");
  }
  producers_.put(connection, producer, how);
}

void Connections::unregister_producer(Connection& connection) {
  if (producers_.take(connection) != nullptr) leave(connection);
}

// Whoever wanted to close has waited for the producer.
void Connections::leave(Connection& connection) {
  if (connection.life != Life::leaving) return;
  closing_.drop(connection.id());
  connection.life = Life::open;
  lose(connection);
}

void Connections::detach(TransportId id, MoveOnlyFunction<void(Detached)> then) {
  Connection* const found = find(id);
  if (found == nullptr || found->life != Life::open || found->output.any(Output::shut)) {
    throw std::logic_error("detach: the connection has ended, or is ending");
  }
  Connection& connection = *found;
  if (connection.filtered()) {
    throw std::logic_error("detach: the connection has filters, and what they hold cannot be handed over");
  }
  if (connection.bond.any(Bond::produces)) {
    throw std::logic_error("detach: the connection has a producer, which must be unregistered first");
  }
  if (connection.outbox.has_file()) {
    throw std::logic_error("detach: a file is being sent, which cannot be handed over");
  }
  flusher_.close_run(connection);
  connection.outbox.keep(flusher_.backlog());  // the tapes are used again before it has left
  connection.life = Life::detaching;
  connection.output.set(Output::shut);
  flow_.set_behind(connection, 0);
  reading_.forget(connection);
  leaving_.emplace(id.slot, Leaving{std::move(then)});
  add(losses_, Loss{&connection, Reason(Reason::Kind::detached)}, *this);
  agenda_.leave_to_settle(Agenda::Soon::lost);
  backend_->detach(connection);
}

void Connections::on_detached(Connection& connection, Handle handle, std::span<const char> held) {
  Detached detached{.handle = handle,
                    .peer = connection.peer(),
                    .received = {},
                    .queued = {},
                    .peer_ended = connection.input.any(Input::peer_ended)};
  if (const auto before = held_.extract(connection.id().slot)) detached.received = before.mapped();
  detached.received.append(held.data(), held.size());
  std::vector<std::string_view> pieces;
  connection.outbox.show(connection.outbox.size(), pieces);
  for (const std::string_view piece : pieces) detached.queued += piece;
  connection.outbox.clear(flusher_.backlog());
  connection.life = Life::closed;
  leaving_.at(connection.id().slot).detached = std::move(detached);
  if (connection.has_protocol()) return;  // it is to be told first
  hand_over(connection);
  release_if_done(connection);
}

void Connections::hand_over(Connection& connection) {
  const auto found = leaving_.find(connection.id().slot);
  if (found == leaving_.end() || !found->second.detached) return;
  Leaving leaving = std::move(found->second);
  leaving_.erase(found);
  calls_.guarded([&] { leaving.then(std::move(*leaving.detached)); });
  between_callbacks();
}

void Connections::set_option(Connection& connection, StreamOption what, bool on) {
  if (connection.given_up()) return;
  if (const std::error_code error = backend_->set_option(connection, what, on)) {
    throw SocketError(what == StreamOption::no_delay ? "set_tcp_no_delay" : "set_tcp_keep_alive",
                      concat(connection.peer()), error);
  }
}

bool Connections::option(const Connection& connection, StreamOption what) const {
  if (connection.given_up() || backend_ == nullptr) return false;
  const Result<bool> on = backend_->option(connection, what);
  return on && *on;
}

// Connection, which only hands on.

void Connection::write(std::string_view bytes) {
  owner_->write(*this, bytes);
}
void Connection::write(Slice slice) {
  owner_->write(*this, std::move(slice));
}
void Connection::writelines(std::span<const std::string_view> pieces) {
  owner_->write(*this, pieces);
}
void Connection::send_file(OpenFile file, std::uint64_t offset, std::uint64_t count) {
  owner_->send_file(*this, {std::move(file), offset, static_cast<std::size_t>(count)});
}
void Connection::pause_reading() {
  owner_->pause_reading(*this);
}
void Connection::resume_reading() {
  owner_->resume_reading(*this);
}
InputBlock Connection::take_lent(std::span<const char> lent) {
  // A filter may still have to do with what it was lent, and may lend something else.
  if (!bond.any(Bond::filtered)) {
    InputBlock block = owner_->take_lent(lent);
    if (block.memory != nullptr) return block;
  }
  return Transport::take_lent(lent);
}
void Connection::shutdown_write() {
  owner_->shutdown_write(*this);
}
void Connection::lose_connection() {
  owner_->lose(*this);
}
void Connection::abort_connection() {
  owner_->abort(*this, Reason(Reason::Kind::aborted), true);
}
void Connection::register_producer(Producer& producer, Production how) {
  owner_->register_producer(*this, producer, how);
}
void Connection::unregister_producer() {
  owner_->unregister_producer(*this);
}
std::size_t Connection::queued() const {
  return owner_->queued(*this);
}
Address Connection::host() const {
  return owner_->host(*this);
}
void Connection::set_option(StreamOption what, bool on) {
  owner_->set_option(*this, what, on);
}
bool Connection::option(StreamOption what) const {
  return owner_->option(*this, what);
}
int Connection::fileno() const {
  return owner_->fileno(*this);
}

}  // namespace parley
