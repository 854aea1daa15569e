// The life of a connection: what is asked of it, what happens to it, and how it ends.

#include <algorithm>
#include <cassert>

#include "parley/base/print.h"
#include "parley/reactor/loop.h"

namespace parley {

namespace {
// A text from this size on is given an owner rather than a place on the tape, so that a large answer is
// copied once and its peer may take its time over it.
constexpr std::size_t owned_from = 32 * 1024;
}  // namespace

// Writing.

void Loop::write(Connection& connection, std::string_view bytes) {
  if (bytes.size() >= owned_from) return write(connection, {&bytes, 1});
  if (connection.has(Connection::shut) || bytes.empty()) return;
  close_run();
  connection.outbox().append(gate_.single_tape().append(bytes));
  gate_.mark(connection);
  heard(bytes.size(), connection.has(Connection::lagging));
}

void Loop::write(Connection& connection, std::span<const std::string_view> pieces) {
  if (connection.has(Connection::shut)) return;
  std::size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  if (total == 0) return;
  close_run();
  if (total >= owned_from) return write_large(connection, pieces, total);
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) connection.outbox().append(gate_.single_tape().append(piece));
  }
  gate_.mark(connection);
  heard(total, connection.has(Connection::lagging));
}

void Loop::write(Connection& connection, Slice slice) {
  if (connection.has(Connection::shut) || slice.empty()) return;
  close_run();
  const std::size_t size = slice.size();
  connection.outbox().append(std::move(slice), false, gate_.backlog());
  gate_.mark(connection);
  heard(size, connection.has(Connection::lagging));
}

// The kernel is offered it now, so that what it takes is not copied here; the rest gets an owner.
void Loop::write_large(Connection& connection, std::span<const std::string_view> pieces, std::size_t total) {
  std::size_t taken = 0;
  if (connection.outbox().empty() && !connection.has(Connection::waits)) {
    taken = backend_->offer(connection, pieces);
  }
  if (taken < total) {
    std::string rest;
    rest.reserve(total - taken);
    for (const std::string_view piece : pieces) {
      const std::size_t gone = std::min(taken, piece.size());
      rest += piece.substr(gone);
      taken -= gone;
    }
    connection.outbox().append(Slice(std::move(rest)), true, gate_.backlog());
  }
  gate_.mark(connection);
  heard(total, connection.has(Connection::lagging));
}

// The brake: a sender whose words reach somebody far behind rests, and so does one that has published its
// share of this turn, until the next.
void Loop::published(std::size_t bytes, bool somebody_lags) {
  published_ += bytes;
  Connection& sender = *current_;
  if (sender.has(Connection::closing | Connection::lost)) return;
  if (somebody_lags && !sender.has(Connection::braked)) {
    sender.set(Connection::braked);
    braked_.push_back({now() + settings_.limits.brake, sender.id()});
    update_reading(sender);
  }
  if (published_ > settings_.limits.sendq_bytes / 4 && !sender.has(Connection::held)) {
    sender.set(Connection::held);
    if (!sender.has(Connection::resuming)) {
      sender.set(Connection::resuming);
      resuming_.push_back(sender.id());
    }
    update_reading(sender);
  }
}

void Loop::after_flush(Connection& connection) {
  const Outbox& outbox = connection.outbox();
  constexpr std::uint32_t concerned = Connection::closed | Connection::lagging | Connection::writing_paused |
                                      Connection::ending | Connection::closing | Connection::pulls;
  if (outbox.empty() && !connection.has(concerned)) return;  // as almost always
  if (connection.has(Connection::closed)) return;
  const Limits& limits = settings_.limits;
  const std::size_t behind = outbox.behind();
  if (behind > limits.sendq_bytes) return abort(connection, Reason(Reason::Kind::behind), true);
  set_lagging(connection, behind > limits.sendq_bytes / 2);
  const std::size_t kept = outbox.kept();
  const bool pressed =
      connection.has(Connection::writing_paused) ? kept > limits.low_water : kept > limits.high_water;
  if (pressed != connection.has(Connection::writing_paused) &&
      !connection.has(Connection::pressure | Connection::gone)) {
    connection.set(Connection::pressure);
    pressured_.push_back(&connection);
  }
  if (outbox.empty() && connection.has(Connection::pulls) && !connection.has(Connection::waits)) {
    ask_producer(connection);
  }
  if (outbox.empty() && connection.has(Connection::ending | Connection::closing) &&
      !connection.has(Connection::waits)) {
    finish_ending(connection);
  }
}

void Loop::set_lagging(Connection& connection, bool lags) {
  if (lags == connection.has(Connection::lagging)) return;
  if (lags) {
    connection.set(Connection::lagging);
    ++lagging_;
  } else {
    connection.clear(Connection::lagging);
    --lagging_;
  }
}

void Loop::tell_pressure(Connection& connection) {
  if (!connection.has(Connection::pressure)) return;
  connection.clear(Connection::pressure);
  if (connection.has(Connection::gone | Connection::lost)) return;
  const std::size_t kept = connection.outbox().kept();
  if (!connection.has(Connection::writing_paused)) {
    if (kept <= settings_.limits.high_water) return;
    connection.set(Connection::writing_paused);
    call(connection, [&](Protocol& protocol) {
      if (Producer* const producer = streaming_producer(connection)) producer->pause_producing();
      protocol.pause_writing();
    });
  } else if (kept <= settings_.limits.low_water) {
    connection.clear(Connection::writing_paused);
    call(connection, [&](Protocol& protocol) {
      protocol.resume_writing();
      if (Producer* const producer = streaming_producer(connection)) producer->resume_producing();
    });
  }
}

// All that lag together are over their limit: the one furthest behind goes, and the next.
void Loop::relieve() {
  const std::size_t queued = gate_.backlog().queued();
  if (queued <= settings_.limits.queued_total) return;
  std::size_t excess = queued - settings_.limits.queued_total;
  table_.each([&](Connection& connection) {  // what a write in flight still pins goes with its connection
    if (connection.has(Connection::closed)) excess -= std::min(excess, connection.outbox().kept());
  });
  while (excess > 0) {
    Connection* furthest = nullptr;
    table_.each([&](Connection& connection) {
      if (connection.has(Connection::closed)) return;
      if (furthest == nullptr || connection.outbox().kept() > furthest->outbox().kept())
        furthest = &connection;
    });
    if (furthest == nullptr || furthest->outbox().kept() == 0) return;
    excess -= std::min(excess, furthest->outbox().kept());
    abort(*furthest, Reason(Reason::Kind::overload), true);
  }
}

// Reading.

void Loop::update_reading(Connection& connection) {
  if (connection.has(Connection::closed)) return;
  // One that closes is read too, and what comes is dropped: so that the peer gets to our last words.
  const bool wanted = !connection.has(Connection::peer_ended) &&
                      (connection.has(Connection::closing | Connection::gone) || connection.reading());
  if (wanted == connection.has(Connection::reads)) return;
  if (wanted) {
    connection.set(Connection::reads);
  } else {
    connection.clear(Connection::reads);
  }
  backend_->set_reading(connection, wanted);
}

void Loop::pause_reading(Connection& connection) {
  if (connection.has(Connection::closing | Connection::lost)) return;
  connection.set(Connection::paused);
  update_reading(connection);
}

void Loop::resume_reading(Connection& connection) {
  if (!connection.has(Connection::paused) || connection.has(Connection::closing | Connection::lost)) return;
  connection.clear(Connection::paused);
  if (connection.has(Connection::resuming)) return;
  connection.set(Connection::resuming);
  resuming_.push_back(connection.id());
}

void Loop::resume(Connection& connection) {
  connection.clear(Connection::held | Connection::resuming);
  if (!connection.reading()) return;
  call(connection, [](Protocol& protocol) { protocol.reading_resumed(); });
  update_reading(connection);
}

void Loop::on_received(StreamSlot& slot, std::span<char> lent) {
  auto& connection = static_cast<Connection&>(slot);
  if (connection.has(Connection::closing | Connection::lost | Connection::gone)) return;
  assert(connection.reading());
  call(connection, [&](Protocol& protocol) { protocol.data_received(lent); });
}

void Loop::on_end(StreamSlot& slot) {
  auto& connection = static_cast<Connection&>(slot);
  connection.set(Connection::peer_ended);
  connection.clear(Connection::reads);
  if (connection.has(Connection::gone)) return give_up(connection, false);
  if (connection.has(Connection::closing | Connection::lost)) return;
  bool stays = false;
  call(connection, [&](Protocol& protocol) { stays = protocol.eof_received(); });
  if (connection.has(Connection::closing | Connection::lost)) return;
  if (!stays || connection.has(Connection::ended | Connection::ending)) lose(connection);
}

void Loop::on_written(StreamSlot& slot, std::size_t taken) {
  auto& connection = static_cast<Connection&>(slot);
  gate_.on_written(connection, taken);
  // The flush interval does not hold back what was left of last words.
  if (connection.has(Connection::dirty) && connection.has(Connection::closing)) urgent_ = true;
}

// Ending.

void Loop::shutdown_write(Connection& connection) {
  if (connection.has(Connection::shut)) return;
  close_run();
  connection.set(Connection::shut | Connection::ending);
  gate_.mark(connection);
  if (connection.has(Connection::produces)) ask_producer(connection);  // to stop
}

void Loop::lose(Connection& connection) {
  if (connection.has(Connection::closing | Connection::lost | Connection::connecting)) return;
  close_run();
  // Closed after the peer has ended is closed by the peer, also when lines were left to handle.
  const std::uint32_t why = connection.has(Connection::peer_ended) ? Connection::by_peer : 0U;
  if (connection.has(Connection::produces)) {  // goes on in unregister_producer
    connection.set(Connection::leaving | why);
    return update_reading(connection);
  }
  connection.set(Connection::shut | Connection::closing | why);
  urgent_ = true;
  closing_.push_back({now() + settings_.limits.close_timeout, connection.id()});
  update_reading(connection);
  gate_.mark(connection);
}

void Loop::abort(Connection& connection, Reason reason, bool reset) {
  lost(connection, reason);
  give_up(connection, reset);
}

// All is with the kernel: now comes the end of our direction, and of the connection if it was closing.
void Loop::finish_ending(Connection& connection) {
  if (!connection.has(Connection::ended)) {
    connection.set(Connection::ended);
    backend_->shutdown_write(connection);
  }
  connection.clear(Connection::ending);
  if (!connection.has(Connection::closing | Connection::peer_ended) || connection.has(Connection::lost))
    return;
  lost(connection, Reason(connection.has(Connection::closing) && !connection.has(Connection::by_peer)
                              ? Reason::Kind::closed
                              : Reason::Kind::done));
  if (connection.has(Connection::peer_ended)) {
    give_up(connection, false);
  } else {
    lingering_.push_back({now() + settings_.limits.linger, connection.id()});
  }
}

// From here on only the back end's last word is awaited.
void Loop::give_up(Connection& connection, bool reset) {
  if (connection.has(Connection::closed)) return;
  connection.set(Connection::closed | Connection::shut);
  if (connection.has(Connection::connecting)) connecting_.erase(connection.id().slot);
  connection.clear(Connection::connecting);
  set_lagging(connection, false);
  if (!connection.has(Connection::in_flight)) connection.outbox().clear(gate_.backlog());
  backend_->close(connection, reset);
}

void Loop::lost(Connection& connection, Reason reason) {
  if (connection.has(Connection::lost)) return;
  connection.set(Connection::lost | Connection::shut);
  if (connection.protocol_ != nullptr) losses_.push_back({&connection, reason});
}

void Loop::tell_lost(const Loss& loss) {
  Connection& connection = *loss.connection;
  if (Producer* const producer = take_producer(connection)) {
    guarded([&] { producer->stop_producing(); });
  }
  call(connection, [&](Protocol& protocol) { protocol.connection_lost(loss.reason); });
  connection.set(Connection::gone);  // from now on its id finds nothing
  --with_protocol_;
  guarded([&] { connection.protocol_.reset(); });
  if (connection.has(Connection::followed)) {
    const auto follower = followers_.extract(connection.id().slot);
    guarded([&] { follower.mapped()(loss.reason); });
    between_callbacks();
  }
  release_if_done(connection);
}

void Loop::on_failed(StreamSlot& slot, std::error_code error) {
  auto& connection = static_cast<Connection&>(slot);
  if (connection.has(Connection::connecting)) return connected(connection, error);
  abort(connection, Reason(Reason::Kind::failed, error), false);
}

void Loop::on_closed(StreamSlot& slot) {
  auto& connection = static_cast<Connection&>(slot);
  connection.outbox().clear(gate_.backlog());
  connection.set(Connection::free);
  release_if_done(connection);
}

void Loop::on_detached(StreamSlot& /*slot*/, Handle /*handle*/, std::span<const char> /*held*/) {
  assert(false && "the loop gives no descriptor away");
}

void Loop::release_if_done(Connection& connection) {
  if (!connection.has(Connection::free) || !connection.has(Connection::gone)) return;
  table_.release(connection);
}

// What has waited its time.
void Loop::expire() {
  const auto due = [this](std::deque<Waiting>& waiting) -> std::optional<TransportId> {
    if (waiting.empty() || waiting.front().until > now()) return std::nullopt;
    const TransportId id = waiting.front().id;
    waiting.pop_front();
    return id;
  };
  while (const auto id = due(braked_)) {
    Connection* const connection = find(*id);
    if (connection == nullptr || !connection->has(Connection::braked)) continue;
    connection->clear(Connection::braked);
    if (!connection->has(Connection::resuming)) {
      connection->set(Connection::resuming);
      resuming_.push_back(*id);
    }
  }
  while (const auto id = due(closing_)) {
    Connection* const connection = table_.find(*id);
    if (connection == nullptr || connection->has(Connection::lost)) continue;
    abort(*connection, Reason(Reason::Kind::failed, std::make_error_code(std::errc::timed_out)), true);
  }
  while (const auto id = due(lingering_)) {
    if (Connection* const connection = table_.find(*id)) give_up(*connection, false);
  }
}

}  // namespace parley
