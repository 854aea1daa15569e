#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "parley/socket/address.h"

namespace parley {

// The addresses that a file in the manner of /etc/hosts gives a name, in its order; none for a name that does
// not stand there. Names are compared without regard to case; lines that are none are passed over.
std::vector<Address> addresses_in_hosts(std::istream& file, std::string_view name);
// The same, and none where there is no such file. `localhost`, and what ends with `.localhost`, is this
// machine where the file does not say (RFC 6761, section 6.3).
std::vector<Address> addresses_in_hosts(const std::string& path, std::string_view name);

}  // namespace parley
