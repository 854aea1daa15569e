#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// One of this machine's network interfaces: its index (an IPv6 address's scope) and its name, `eth0`.
struct Interface {
  std::uint32_t index;
  std::string name;

  bool operator==(const Interface&) const = default;
};

// All that follow may be used from any thread, do not block, and throw SocketError.

// This machine's interfaces, in no order.
std::vector<Interface> if_nameindex();
// The index of an interface that is there, at least 1.
std::uint32_t if_nametoindex(std::string_view name);
// The name of an interface that is there.
std::string if_indextoname(std::uint32_t index);

}  // namespace parley
