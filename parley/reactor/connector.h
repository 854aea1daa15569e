#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "parley/base/clock.h"
#include "parley/reactor/entry_id.h"
#include "parley/reactor/filter.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"
#include "parley/socket/error.h"
#include "parley/socket/family.h"

namespace parley {

class Connectors;

// A connection that is being made, has been made, or will be tried again. A value: copies name the same one;
// it must not be used after its reactor.
class Connector {
 public:
  enum class State : std::uint8_t {
    disconnected,  // and over, unless `connect` is called before the factory's hook has returned
    waiting,       // for the time that `connect` was given
    connecting,
    connected,
  };

  Connector() = default;

  State state() const;
  // Whom it is to reach; nobody once it is over.
  Endpoint destination() const;
  // The connection, where there is one.
  TransportId connection() const;

  // Tries again, `after` from now: for `client_connection_failed` and `client_connection_lost`. It does
  // nothing in another state than disconnected, nor while the reactor stops.
  void connect(Duration after = Duration::zero());
  // Tries no more: `client_connection_failed` comes soon, with std::errc::operation_canceled. One that only
  // waits is over without it. Does nothing to one that is connected.
  void stop_connecting();
  // The same, and `lose_connection` for one that is connected.
  void disconnect();

  friend bool operator==(const Connector&, const Connector&) = default;

 private:
  friend class Connectors;
  Connector(Connectors* connectors, EntryId id) : connectors_(connectors), id_(id) {}

  Connectors* connectors_ = nullptr;
  EntryId id_;
};

// A factory that is told what becomes of its connector. `start_factory` comes when the connector is made,
// `stop_factory` when it is over. All that follow come from the loop.
class ClientFactory : public Factory {
 public:
  // An attempt begins.
  virtual void started_connecting(Connector& /*connector*/) {}
  // The connection is made; its protocol is told so next. Under filters that is when they let it begin.
  virtual void client_connected(Connector& /*connector*/) {}
  // No connection was made. `error` says why, for each address that was tried: a SocketError, which may be a
  // Timeout or a ResolveError. `connector.connect()` tries again.
  virtual void client_connection_failed(Connector& /*connector*/, const SocketError& /*error*/) {}
  // The connection has ended, and its protocol is gone. `connector.connect()` makes another one.
  virtual void client_connection_lost(Connector& /*connector*/, Reason /*reason*/) {}
};

// How to connect; each may be left out.
struct ConnectSettings {
  // For all of it: finding the addresses, trying them, and what a filter does before the protocol may begin.
  Duration timeout = std::chrono::seconds(30);
  // Our end's address; port 0 lets the kernel choose. Only addresses of its family are tried then.
  std::optional<Address> source{};
  // Only addresses of this family; unspecified: all.
  Family family = Family::unspecified;
  // When the next address is tried while one has not answered (RFC 8305, section 5).
  Duration attempt_delay = std::chrono::milliseconds(250);
  // How long IPv4 addresses wait for the IPv6 ones to be found (RFC 8305, section 3).
  Duration resolution_delay = std::chrono::milliseconds(50);
  // Makes a filter under the protocol. The connection is made when that lets the protocol begin; it has
  // failed when it ends before.
  Wrap wrap{};
  // Called when no connection was made, where the factory is no ClientFactory. Without it a failure is
  // logged.
  std::function<void(const SocketError&)> failed{};
};

}  // namespace parley
