#pragma once

#include <cstdint>

#include "parley/base/print.h"

namespace parley {

// What kind of address a socket has. `unspecified` is an address that any family may take.
enum class Family : std::uint8_t { unspecified, local, inet, inet6 };

// How a socket carries what is written to it: as a stream of bytes, as messages of their own, as the
// network's own packets (which takes a privilege), or as messages over a connection.
enum class Type : std::uint8_t { stream, datagram, raw, seqpacket };

void print(Writer& out, Family family);
void print(Writer& out, Type type);

}  // namespace parley
