// Producers: who writes a long answer, as fast as its peer reads.

#include <stdexcept>
#include <utility>

#include "parley/reactor/loop.h"

namespace parley {

void Loop::register_producer(Connection& connection, Producer& producer, Production how) {
  if (connection.has(Connection::produces)) {
    throw std::logic_error("register_producer: the transport has a producer already");
  }
  producers_[connection.id().slot] = &producer;
  connection.set(Connection::produces);
  // One on a connection that has ended is found by `feed`, and told to stop.
  if (how == Production::pulled) connection.set(Connection::pulls);
  ask_producer(connection);
}

// In the next turn: nobody is called from inside a call.
void Loop::ask_producer(Connection& connection) {
  if (connection.has(Connection::hungry)) return;
  connection.set(Connection::hungry);
  hungry_.push_back(connection.id());
}

void Loop::unregister_producer(Connection& connection) {
  if (take_producer(connection) != nullptr) leave(connection);
}

// Whoever wanted to close has waited for the producer.
void Loop::leave(Connection& connection) {
  if (!connection.has(Connection::leaving)) return;
  connection.clear(Connection::leaving);
  lose(connection);
}

Producer* Loop::take_producer(Connection& connection) {
  if (!connection.has(Connection::produces)) return nullptr;
  connection.clear(Connection::produces | Connection::pulls);
  return producers_.extract(connection.id().slot).mapped();
}

// Asks one that is pulled for its next piece.
void Loop::feed(Connection& connection) {
  connection.clear(Connection::hungry);
  if (!connection.has(Connection::produces)) return;
  if (connection.has(Connection::shut)) {
    Producer* const producer = take_producer(connection);
    call(connection, [&](Protocol&) { producer->stop_producing(); });
    return leave(connection);
  }
  if (!connection.has(Connection::pulls)) return;
  Producer* const producer = producers_.at(connection.id().slot);
  call(connection, [&](Protocol&) { producer->resume_producing(); });
}

}  // namespace parley
