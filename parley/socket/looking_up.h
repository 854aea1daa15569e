#pragma once

// Private to the library: what all look-ups and all that connects have in common.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

// The address that a host is without being looked up; none for a name. Beside what Address takes these are
// the other spellings of IPv4 that the system reads (`127.1`, `0x7f.1`). Throws AddressError for a wrong
// port.
std::optional<Address> numeric_host(const std::string& host, int port);

// The same of an endpoint, which may be a local address too; none for a name, and for an empty host.
std::optional<Address> numeric_address(const Endpoint& endpoint);

// What `resolve` does, for `operation`, which errors name.
std::vector<Address> addresses_of(std::string_view operation, const Endpoint& endpoint, Type type,
                                  Family family);

// Why nobody can be looked up among local addresses.
AddressError no_local_address(std::string_view host);

// The system's error where it has found no interface: there is none, or no descriptor to ask with, which libc
// tells as something else.
int why_no_interface() noexcept;

}  // namespace parley
