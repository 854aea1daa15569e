// The life of a connection: what happens to it, and how it ends.

#include "parley/reactor/loop/connections.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"

namespace parley {

namespace {
// A closing peer that takes so much is slow, and not gone.
constexpr std::size_t progress = 64 * 1024;
}  // namespace

Connections::Connections(const Limits& limits, const LoopClock& clock, Agenda& agenda, Calls& calls)
    : limits_(limits),
      clock_(clock),
      agenda_(agenda),
      calls_(calls),
      flusher_(limits, forms_, *this),
      reading_(limits, clock, agenda, *this),
      flow_(limits, clock, reading_, calls.log()),
      producers_(agenda, *this),
      closing_(clock, limits.close_timeout, *this) {
  prepare_relief();
}

Connections::~Connections() = default;

void Connections::use(Backend& backend) {
  backend_ = &backend;
  flusher_.use(backend);
  reading_.use(backend);
  flow_.use(backend);
}

// What happens to them.

// A protocol has let an exception escape.
void Connections::escaped(Connection& connection) {
  calls_.escaped();
  abort(connection, Reason(Reason::Kind::handler), true);
}

void Connections::received_while_closing(Connection& connection, std::span<char> lent) {
  call_filters(connection, [&](Protocol& lowest) { lowest.data_received(lent); });
}

void Connections::on_received(Connection& connection, std::span<char> lent) {
  if (connection.life >= Life::leaving) [[unlikely]] {
    return received_while_closing(connection, lent);
  }
  assert(connection.has_protocol() && connection.reading());
  call(connection, [&](Protocol& protocol) { protocol.data_received(lent); });
}

void Connections::on_end(Connection& connection) {
  connection.input.set(Input::peer_ended);
  connection.input.clear(Input::reads);
  if (!connection.has_protocol() && connection.life != Life::closing) return give_up(connection, false);
  if (connection.life >= Life::lingering) return give_up(connection, false);
  if (connection.life >= Life::closing) {
    return call_filters(connection, [](Protocol& lowest) { lowest.eof_received(); });
  }
  bool stays = false;
  call(connection, [&](Protocol& protocol) { stays = protocol.eof_received(); });
  if (connection.life >= Life::closing) return;
  if (!stays || connection.output.any(Output::ended, Output::ending)) lose(connection);
}

void Connections::on_written(Connection& connection, std::size_t taken) {
  flusher_.on_written(connection, taken);
  // The flush interval does not hold back what was left of last words.
  if (connection.output.any(Output::dirty) && connection.life == Life::closing) urgent_ = true;
}

// The flusher knows those of the present epoch; the others are looked for, where there are any.
void Connections::on_all_written() {
  if (flusher_.on_all_written()) urgent_ = true;
  if (!flusher_.pins()) return;
  table_.each([this](Connection& connection) {
    if (connection.output.any(Output::in_flight)) on_written(connection, connection.wire().pinned());
  });
}

void Connections::resume_reading(const std::vector<TransportId>& resumed) {
  for (const TransportId id : resumed) {
    if (Connection* const connection = find(id)) resume(*connection);
  }
}

void Connections::resume(Connection& connection) {
  connection.input.clear(Input::held, Input::resuming);
  go_on(connection);
  reading_.went_on(connection);
}

void Connections::go_on(Connection& connection) {
  if (!inserted_.empty()) give_rest(connection);
  if (!connection.reading()) return resume_filters(connection);
  call(connection, [](Protocol& protocol) { protocol.reading_resumed(); });
  // What it has published just now is its share of this turn: input comes in the next.
  if (flow_.has_published() && connection.life == Life::open) reading_.hold(connection);
  if (!held_.empty() && connection.reading()) {
    if (auto held = held_.extract(connection.id().slot)) {
      if (!held.mapped().empty()) {
        call(connection, [&](Protocol& protocol) { protocol.data_received(held.mapped()); });
      }
      if (connection.input.any(Input::peer_ended)) {
        if (connection.reading()) {
          on_end(connection);
        } else if (connection.life == Life::open) {  // it has paused: the end comes when it goes on
          held.mapped().clear();
          with_relief(*this, [&] { held_.insert(std::move(held)); });
        }
      }
    }
  }
  reading_.update(connection);
}

void Connections::ask_producers(const std::vector<TransportId>& hungry) {
  for (const TransportId id : hungry) {
    if (Connection* const connection = find(id)) feed(*connection);
  }
}

// Asks one that is pulled for its next piece.
void Connections::feed(Connection& connection) {
  connection.bond.clear(Bond::hungry);
  Producer* const producer = producers_.find(connection);
  if (producer == nullptr) return;
  if (connection.output.any(Output::shut)) {
    producers_.take(connection);
    call(connection, [&](Protocol&) { producer->stop_producing(); });
    return leave(connection);
  }
  if (!connection.bond.any(Bond::pulls)) return;
  call(connection, [&](Protocol&) { producer->resume_producing(); });
}

void Connections::after_flush(Connection& connection) {
  if (connection.given_up()) return;
  const std::size_t behind = connection.behind();
  if (behind > limits_.sendq_bytes) {
    flow_.cut_off(connection, "reads too slowly", behind);
    return abort(connection, Reason(Reason::Kind::behind), true);
  }
  flow_.set_behind(connection, behind);
  const bool full = connection.output.any(Output::full);
  if ((connection.size() > (full ? limits_.low_water : limits_.high_water)) != full &&
      !connection.bond.any(Bond::pressure) && connection.has_protocol()) {
    add(pressured_, &connection, *this);
    connection.bond.set(Bond::pressure);
    agenda_.leave_to_settle(Agenda::Soon::pressure);
  }
  const bool all_sent = !connection.output.any(Output::waits) && connection.nothing_waits();
  if (all_sent && connection.bond.any(Bond::pulls)) producers_.ask(connection);
  if (all_sent && (connection.output.any(Output::ending) || connection.life == Life::closing)) {
    if (!connection.filtered()) return finish_ending(connection);
    if (connection.filters().finished()) {
      reading_.update(connection);  // nothing is left for which they would need input
      return finish_ending(connection);
    }
  }
  if (connection.life == Life::closing || connection.life == Life::leaving) watch_closing(connection);
}

void Connections::settle(Bits<Agenda::Soon> what) {
  if (what.any(Agenda::Soon::made)) tell_made();
  if (what.any(Agenda::Soon::lost)) {
    // Whoever has come meanwhile is told so before it is told that it has gone.
    if (made_.empty()) {
      tell_lost();
    } else {
      agenda_.leave_to_settle(Agenda::Soon::lost);
    }
  }
  if (what.any(Agenda::Soon::pressure)) tell_pressure();
}

void Connections::tell_pressure() {
  const std::vector<Connection*> pressured = std::exchange(pressured_, {});
  for (Connection* const connection : pressured) tell_pressure(*connection);
}

void Connections::tell_pressure(Connection& connection) {
  if (!connection.bond.any(Bond::pressure)) return;
  connection.bond.clear(Bond::pressure);
  if (!connection.has_protocol() || connection.lost()) return;
  const std::size_t waiting = connection.size();
  if (!connection.output.any(Output::full)) {
    if (waiting <= limits_.high_water) return;
    connection.output.set(Output::full);
    call(connection, [&](Protocol& protocol) {
      if (Producer* const producer = producers_.streaming(connection)) producer->pause_producing();
      protocol.pause_writing();
    });
  } else if (waiting <= limits_.low_water) {
    connection.output.clear(Output::full);
    call(connection, [&](Protocol& protocol) {
      protocol.resume_writing();
      if (Producer* const producer = producers_.streaming(connection)) producer->resume_producing();
    });
  }
}

void Connections::flush() {
  urgent_ = false;
  flusher_.flush();
  if (looked_ || !flusher_.backlog().has_room(0)) relieve();
}

// How they end.

void Connections::on_failed(Connection& connection, std::error_code error) {
  if (connection.life == Life::connecting) return made(connection, error);
  abort(connection, Reason(Reason::Kind::failed, error), false);
}

void Connections::abort(Connection& connection, Reason reason, bool reset) {
  if (connection.life != Life::connecting) end(connection, reason);
  give_up(connection, reset);
}

// Its end is to be told.
void Connections::end(Connection& connection, Reason reason) {
  if (connection.lost()) return;
  connection.life = Life::lingering;
  connection.output.set(Output::shut);
  reading_.forget(connection);
  if (!connection.has_protocol()) return;
  if (!failures_.empty()) {
    if (const auto failed = failures_.find(connection.id().slot); failed != failures_.end()) {
      reason = Reason(Reason::Kind::failed, failed->second.error);
    }
  }
  add(losses_, Loss{&connection, reason}, *this);
  agenda_.leave_to_settle(Agenda::Soon::lost);
}

// From here on only the back end's last word is awaited.
void Connections::give_up(Connection& connection, bool reset) {
  if (connection.given_up()) return;
  if (connection.life == Life::connecting) connecting_.erase(connection.id().slot);
  connection.life = Life::given_up;
  connection.output.set(Output::shut);
  flow_.set_behind(connection, 0);
  flow_.forget(connection);
  reading_.forget(connection);
  stop_waiting(connection);
  if (connection.filtered() || connection.output.any(Output::in_flight)) [[unlikely]] {
    drop_output(connection);
  } else {
    connection.outbox.clear(flusher_.backlog());
  }
  backend_->close(connection, reset);
}

void Connections::drop_output(Connection& connection) {
  if (connection.filtered()) {
    // They look at it; it is dropped when they have returned.
    if (flusher_.in_filters_of(connection)) return;
    connection.filters().clear_above_wire(flusher_.backlog());
  }
  // What is in flight is pinned: the kernel still reads it.
  Outbox& wire = connection.wire();
  if (connection.output.any(Output::in_flight)) {
    leaving_held_ += wire.held();
  } else {
    wire.clear(flusher_.backlog());
  }
}

void Connections::stop_waiting(Connection& connection) {
  closing_.drop(connection.id());
  if (!held_.empty()) held_.erase(connection.id().slot);
  if (!inserted_.empty()) inserted_.erase(connection.id().slot);
}

// All is with the kernel: now comes the end of our direction, and of the connection if it was closing.
void Connections::finish_ending(Connection& connection) {
  if (!connection.output.any(Output::ended)) {
    connection.output.set(Output::ended);
    backend_->shutdown_write(connection);
  }
  connection.output.clear(Output::ending);
  const bool closing = connection.life == Life::closing;
  const bool peer_ended = connection.input.any(Input::peer_ended);
  if (connection.lost() || (!closing && !peer_ended)) return;
  const bool ours = closing && !connection.bond.any(Bond::by_peer);
  closing_.drop(connection.id());
  end(connection, Reason(ours ? Reason::Kind::closed : Reason::Kind::done));
  if (peer_ended) {
    give_up(connection, false);
  } else {
    add(lingering_, Lingering{later(clock_.now(), limits_.linger), connection.id()}, *this);
    agenda_.wait_for_time();
  }
}

// Whoever closes waits for its peer to take what is queued, and before that for its producer. Each that takes
// or gives something has its time anew; of a peer that takes, not every byte counts, or one byte a minute
// would be enough.
void Connections::watch_closing(Connection& connection) {
  const std::size_t left = connection.size();
  const bool produces = connection.life == Life::leaving;
  if (connection.filtered()) {
    reading_.update(connection);
    // It will leave by itself, and is not for the peer to take yet.
    if (!produces && !connection.output.any(Output::waits) && connection.filters().deferred()) {
      return closing_.drop(connection.id());
    }
  }
  if (!produces && closing_.runs(connection.id()) && left + progress > closing_.left(connection.id())) return;
  closing_.renew(connection.id(), left);
  agenda_.wait_for_time();
}

void Connections::expire() {
  if (flusher_.backlog().wants_trim() && clock_.turn() >= next_trim()) {
    flusher_.backlog().trim();
    trimmed_ = clock_.turn();
  }
  while (const auto id = reading_.next_unbraked()) {
    if (Connection* const connection = find(*id)) reading_.unbrake(*connection);
  }
  while (const auto id = closing_.next_over()) {
    Connection* const connection = table_.find(*id);
    if (connection == nullptr || connection->lost()) continue;
    if (connection->life == Life::leaving && connection->nothing_waits()) {
      Producer* const producer = producers_.take(*connection);
      call(*connection, [&](Protocol&) { producer->stop_producing(); });
      leave(*connection);
    } else {
      abort(*connection, Reason(Reason::Kind::failed, std::make_error_code(std::errc::timed_out)), true);
    }
  }
  while (!lingering_.empty() && lingering_.front().until <= clock_.turn()) {
    const TransportId id = lingering_.front().id;
    lingering_.pop_front();
    if (Connection* const connection = table_.find(id)) give_up(*connection, false);
  }
}

std::optional<Time> Connections::next_time() {
  std::optional<Time> next;
  const auto at_most = [&next](Time time) { next = next ? std::min(*next, time) : time; };
  if (reading_.brakes()) at_most(reading_.next_release());
  if (!closing_.empty()) at_most(closing_.next());
  if (!lingering_.empty()) at_most(lingering_.front().until);
  if (flusher_.backlog().wants_trim()) at_most(next_trim());
  if (!next) agenda_.wait_for_no_time();
  return next;
}

// Settling is not entered again while it goes on: one list to tell is enough, and keeps its memory.
void Connections::tell_lost() {
  telling_losses_.swap(losses_);
  for (const Loss& loss : telling_losses_) tell_lost(loss);
  telling_losses_.clear();
}

void Connections::stop_producer(Connection& connection) {
  if (Producer* const producer = producers_.take(connection)) {
    calls_.guarded([&] { producer->stop_producing(); });
  }
}

void Connections::tell_lost(const Loss& loss) {
  Connection& connection = *loss.connection;
  stop_producer(connection);
  call(connection, [&](Protocol& protocol) { protocol.connection_lost(loss.reason); });
  stop_producer(connection);  // one that was registered just now
  --with_protocol_;
  forms_.leave(connection.id());
  // From now on its id finds nothing, also not for what its protocol does as it goes.
  if (connection.filtered()) drop_filters(connection);
  std::unique_ptr<Protocol> gone = std::move(connection.protocol_);
  calls_.guarded([&] { gone.reset(); });
  if (!leaving_.empty()) hand_over(connection);
  if (connection.bond.any(Bond::followed)) {
    const auto follower = followers_.extract(connection.id().slot);
    const auto failed = failures_.find(connection.id().slot);
    const std::string_view detail = failed == failures_.end() ? std::string_view() : failed->second.detail;
    calls_.guarded([&] { follower.mapped().lost(loss.reason, detail); });
    between_callbacks();
  }
  if (!failures_.empty()) failures_.erase(connection.id().slot);
  release_if_done(connection);
}

void Connections::on_closed(Connection& connection) {
  connection.wire().clear(flusher_.backlog());
  freed();
  connection.life = Life::closed;
  release_if_done(connection);
}

void Connections::release_if_done(Connection& connection) {
  if (connection.life == Life::closed && !connection.has_protocol()) table_.release(connection);
}

void Connections::lose_all() {
  stopping_ = true;
  table_.each([this](Connection& connection) { lose(connection); });
}

void Connections::abort_all() {
  aborting_ = true;
  table_.each([this](Connection& connection) { abort(connection, Reason(Reason::Kind::aborted), false); });
}

// Whatever a protocol closes or stops as it goes has ended already.
void Connections::open_again() {
  stopping_ = aborting_ = false;
}

// Protocols may still ask for an address as they go, or tell a room something: by then the back end is gone,
// and nobody is waited for.
void Connections::close_all() {
  table_.each([this](Connection& connection) {
    if (!connection.given_up()) backend_->close(connection, false);
    flow_.set_behind(connection, 0);
    connection.output.set(Output::shut);
    connection.life = Life::closed;
  });
  backend_ = nullptr;
}

void Connections::drop_protocols() {
  table_.each([this](Connection& connection) {
    if (connection.filtered()) drop_filters(connection);
    connection.protocol_.reset();
  });
}

}  // namespace parley
