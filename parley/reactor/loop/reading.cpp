#include "parley/reactor/loop/reading.h"

#include <algorithm>
#include <iterator>

namespace parley {

// One that closes is read too, and what comes is dropped: so that the peer gets to our last words. (A
// connection that is closed with input unread is reset by the kernel.) Its filters may need it before they
// let those go.
inline bool Reading::wants_input(Connection& connection) {
  if (connection.life < Life::leaving && connection.has_protocol()) return connection.reading();
  if (connection.filters_wait()) return connection.filters_read();
  return connection.life >= Life::closing || !connection.has_protocol();
}

void Reading::update(Connection& connection) {
  if (connection.life == Life::connecting || connection.given_up()) return;
  const bool wanted = !connection.input.any(Input::peer_ended) && wants_input(connection);
  if (wanted == connection.input.any(Input::reads)) return;
  if (wanted) {
    connection.input.set(Input::reads);
  } else {
    connection.input.clear(Input::reads);
  }
  backend_->set_reading(connection, wanted);
}

void Reading::pause(Connection& connection) {
  if (connection.life >= Life::closing) return;
  connection.input.set(Input::paused);
  update(connection);
}

void Reading::resume(Connection& connection) {
  if (!connection.input.any(Input::paused) || connection.life >= Life::closing) return;
  connection.input.clear(Input::paused);
  put_off(connection);
}

void Reading::brake(Connection& connection, Duration time) {
  if (connection.input.any(Input::braked)) return;
  connection.input.set(Input::braked);
  count(connection);
  add(braked_, Braked{later(clock_.now(), time), connection.id()}, relief_);
  for (auto at = std::prev(braked_.end()); at != braked_.begin() && at->until < std::prev(at)->until; --at)
    std::iter_swap(at, std::prev(at));
  agenda_.wait_for_time();
  update(connection);
}

void Reading::hold(Connection& connection) {
  if (connection.input.any(Input::held)) return;
  connection.input.set(Input::held);
  count(connection);
  put_off(connection);
  update(connection);
}

// It was stopped in the middle of its input, perhaps, and keeps the rest.
void Reading::count(Connection& connection) {
  if (connection.input.any(Input::waiting)) return;
  connection.input.set(Input::waiting);
  ++waiting_;
  limit_input();
}

void Reading::went_on(Connection& connection) {
  if (!connection.input.any(Input::braked, Input::held, Input::resuming)) forget(connection);
}

void Reading::uncount(Connection& connection) {
  connection.input.clear(Input::waiting);
  --waiting_;
  limit_input();
}

void Reading::limit_input() {
  const bool many = waiting_ > limits_.waiting_input / std::max<std::size_t>(limits_.read_bytes, 1);
  if (many == many_) return;
  many_ = many;
  backend_->limit_input(many ? std::min<std::size_t>(limits_.read_bytes, 1024) : limits_.read_bytes);
}

void Reading::withhold(Connection& connection) {
  connection.input.set(Input::withheld);
  update(connection);
}

void Reading::allow(Connection& connection) {
  connection.input.clear(Input::withheld);
  if (connection.life < Life::closing || connection.filters_wait()) put_off(connection);
}

std::optional<TransportId> Reading::next_unbraked() {
  if (braked_.empty() || braked_.front().until > clock_.turn()) return std::nullopt;
  const TransportId id = braked_.front().id;
  braked_.pop_front();
  return id;
}

void Reading::unbrake(Connection& connection) {
  if (!connection.input.any(Input::braked)) return;
  connection.input.clear(Input::braked);
  put_off(connection);
}

// A protocol may have stopped in the middle of its buffer: it goes on first, and what comes then follows.
void Reading::put_off(Connection& connection) {
  if (connection.input.any(Input::resuming)) return;
  connection.input.set(Input::resuming);
  add(resuming_, connection.id(), relief_);
  agenda_.put_off(Agenda::Due::resumed);
}

}  // namespace parley
