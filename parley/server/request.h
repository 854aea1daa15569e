#pragma once

#include <optional>
#include <string>

#include "parley/socket/address.h"
#include "parley/socket/socket.h"

namespace parley {

// What a client asks of a server: a connection, or a datagram.
struct Request {
  std::optional<Socket> connection;  // none for a datagram
  std::string packet;                // the datagram; empty for a connection
  Address client_address;
  // Our address that a datagram was sent to, without a port, where the server is at every address.
  Address asked_address{};
};

}  // namespace parley
