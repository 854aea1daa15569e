#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

// The addresses of an endpoint, in the order in which they are to be tried (RFC 6724); at least one.
// A numeric host is not looked up; an empty one is this machine; one that prints as a local address does
// (`/run/x`, `@name`) is that. All that is answered is of `family` (unspecified: any). Blocks while it asks
// the name servers. Thread: any. Throws ResolveError, AddressError (a port out of range, an address of
// another family, a name for a local one), and std::logic_error for a name inside a reactor's callback.
std::vector<Address> resolve(const Endpoint& endpoint, Type type = Type::stream,
                             Family family = Family::unspecified);

// What `getaddrinfo` is to look for: `{.type = Type::stream, .passive = true}`.
struct AddressHints {
  Family family = Family::unspecified;  // all
  std::optional<Type> type{};           // none: each type, so that an address comes several times
  int proto = 0;                        // any
  bool passive = false;                 // no host is any address, to be bound, instead of this machine's own
  bool canonical_name = false;          // also ask for the host's full name
  bool numeric_host = false;            // look up no host's name, and never block
  bool numeric_service = false;         // look up no service's name
  bool address_config = false;          // only families of which this machine has an address
  bool v4_mapped = false;               // with Family::inet6: where there is no IPv6 address, take IPv4 ones
};

// One of the ways to reach a host, as `Socket(family, type, proto)` and its `connect` take them.
struct AddressInfo {
  Family family;
  Type type;
  int proto;
  std::string canonical_name;  // where it was asked for, in the first one alone
  Address address;

  bool operator==(const AddressInfo&) const = default;
};

// The addresses of a host and a port, in the order in which they are to be tried (RFC 6724); at least one.
// `host` is a name or numeric; empty, it is this machine (see `passive`). `service` is a name (`http`) or a
// number; empty, the port is 0. Blocks while it asks the name servers. Thread: any. Throws ResolveError,
// AddressError (a port out of range), and std::logic_error for a name inside a reactor's callback.
// `resolve` is simpler.
std::vector<AddressInfo> getaddrinfo(std::string_view host, int port, const AddressHints& hints = {});
std::vector<AddressInfo> getaddrinfo(std::string_view host, std::string_view service,
                                     const AddressHints& hints = {});

// How `getnameinfo` answers: `{.numeric_host = true}`.
struct NameHints {
  bool numeric_host = false;     // look up no host's name, and never block
  bool numeric_service = false;  // look up no service's name
  bool name_required = false;    // a host without a name is an error
  bool local_name_only = false;  // without the domain, for hosts of one's own
  bool datagram = false;         // the service of UDP; a few differ from TCP's
};

struct NameInfo {
  std::string host;     // its name, or its number where it has none
  std::string service;  // the port's

  bool operator==(const NameInfo&) const = default;
};

// The names of an inet or inet6 address's host and port. Blocks while it asks the name servers. Thread: any.
// Throws ResolveError, AddressError (an address of another family), and std::logic_error inside a reactor's
// callback.
NameInfo getnameinfo(const Address& address, const NameHints& hints = {});

}  // namespace parley
