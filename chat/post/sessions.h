#pragma once

#include <cstddef>
#include <cstdint>

#include "chat/hall/ids.h"
#include "chat/hall/table.h"
#include "parley/reactor/transport.h"

namespace chat {

// The sessions that there are, and the connection of each: the front desk enters them here, the post finds
// by their numbers where to write. Used on the reactor's thread.
class Sessions {
 public:
  // Gives a number to a session over that connection. May throw std::bad_alloc; then nothing has changed.
  SessionId add(parley::TransportId transport) { return sessions_.add(transport); }
  // Forgets a session that is there: its number finds nothing from now on.
  void remove(SessionId session) { sessions_.remove(session.index); }

  // The number of the session at that index, which is there: for whoever keeps only the index.
  SessionId id_of(std::uint32_t index) const { return sessions_.id_of(index); }
  // The session's connection; that of nobody when the session is gone, or was nobody.
  parley::TransportId transport_of(SessionId session) const {
    const parley::TransportId* const transport = sessions_.find(session);
    return transport != nullptr ? *transport : parley::TransportId();
  }

  std::size_t size() const { return sessions_.size(); }

  // What a session costs here, in bytes.
  static constexpr std::size_t bytes_per_session() {
    return Table<SessionId, parley::TransportId>::row_size();
  }

 private:
  Table<SessionId, parley::TransportId> sessions_;
};

}  // namespace chat
