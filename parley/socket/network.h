#pragma once

#include <string_view>

#include "parley/base/print.h"
#include "parley/base/result.h"
#include "parley/socket/address.h"

namespace parley {

// The addresses that begin with the same bits, as `10.0.0.0/8` and `2001:db8::/32`; a single address is a
// network, too. A value: it compares, prints, and parses what it printed. IPv4-mapped IPv6 addresses
// (`::ffff:127.0.0.1`) count as the IPv4 ones that they are.
class Network {
 public:
  // That of the first `bits` bits of an IPv4 or IPv6 address, whatever the others are. Throws AddressError
  // for any other address, and for more bits than it has.
  Network(const Address& address, int bits);

  // Reads `10.0.0.0/8`, `::1`. Bits that are set behind those that count are an error, which names the
  // network that was probably meant.
  static Result<Network, AddressError> parse(std::string_view text);

  bool contains(const Address& address) const;

  // Its first address, with no port and no scope; and how many of its bits count.
  const Address& address() const { return address_; }
  int bits() const { return bits_; }

  bool operator==(const Network&) const = default;

 private:
  Address address_;
  int bits_;
};

void print(Writer& out, const Network& network);

}  // namespace parley
