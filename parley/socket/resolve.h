#pragma once

#include <vector>

#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

// The addresses of an endpoint, in the order in which they are to be tried (RFC 6724); at least one.
// A numeric host is not looked up and keeps its own family; an empty one is this machine; one that
// prints as a local address does (`/run/x`, `@name`) is that. A name is looked up among the addresses of
// `family` (unspecified: all). Blocks while it asks the name servers. Thread: any.
// Throws ResolveError, AddressError (a port out of range), and std::logic_error for a name inside a
// reactor's callback.
std::vector<Address> resolve(const Endpoint& endpoint, Type type = Type::stream,
                             Family family = Family::unspecified);

}  // namespace parley
