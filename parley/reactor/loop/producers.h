#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/connection.h"
#include "parley/reactor/producer.h"
#include "parley/reactor/relief.h"

namespace parley {

// Who writes a long answer to which connection, and which of them are to be asked in the next turn: nobody is
// called from inside a call.
class Producers {
 public:
  Producers(Agenda& agenda, Relief& relief) : agenda_(agenda), relief_(relief) {}

  void put(Connection& connection, Producer& producer, Production how) {
    producers_[connection.id().slot] = &producer;
    connection.bond.set(Bond::produces);
    if (how == Production::pulled) connection.bond.set(Bond::pulls);
    ask(connection);  // one on a connection that has ended is found then, and told to stop
  }

  // Null where there is none.
  Producer* take(Connection& connection) {
    if (!connection.bond.any(Bond::produces)) return nullptr;
    connection.bond.clear(Bond::produces, Bond::pulls);
    return producers_.extract(connection.id().slot).mapped();
  }
  Producer* find(const Connection& connection) const {
    return connection.bond.any(Bond::produces) ? producers_.at(connection.id().slot) : nullptr;
  }
  // One that writes of itself, and is paused and resumed.
  Producer* streaming(const Connection& connection) const {
    return connection.bond.any(Bond::pulls) ? nullptr : find(connection);
  }

  void ask(Connection& connection) {
    if (connection.bond.any(Bond::hungry)) return;
    connection.bond.set(Bond::hungry);
    add(hungry_, connection.id(), relief_);
    agenda_.put_off(Agenda::Due::hungry);
  }
  std::vector<TransportId> take_hungry() { return std::exchange(hungry_, {}); }

 private:
  Agenda& agenda_;
  Relief& relief_;
  std::unordered_map<std::uint32_t, Producer*> producers_;  // by slot
  std::vector<TransportId> hungry_;
};

}  // namespace parley
