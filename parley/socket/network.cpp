#include "parley/socket/network.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace parley {

namespace {

constexpr int before_mapped = 96;  // bits of an IPv4-mapped IPv6 address before the IPv4 one

// An address without what says nothing of its network.
CompactAddress bare(const Address& address) {
  CompactAddress bare = address.compact();
  bare.port = 0;
  bare.scope = 0;
  return bare;
}

int most_bits(Family family) {
  return family == Family::inet ? 32 : 128;
}

// Those behind the first `bits` are none.
CompactAddress first_of(CompactAddress address, int bits) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const int left = std::clamp(bits - static_cast<int>(8 * i), 0, 8);
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> left));
  }
  return address;
}

}  // namespace

Network::Network(const Address& address, int bits) : bits_(bits) {
  const CompactAddress numbers = bare(address);
  if (numbers.family != Family::inet && numbers.family != Family::inet6) {
    throw AddressError(concat(address, " is in no network: an IPv4 or IPv6 address is needed"));
  }
  if (bits_ < 0 || bits_ > most_bits(numbers.family)) {
    throw AddressError(
        concat("an address of this family has ", most_bits(address.family()), " bits, not ", bits));
  }
  address_ = Address(first_of(numbers, bits_));
}

Result<Network, AddressError> Network::parse(std::string_view text) {
  try {
    const std::size_t slash = text.find('/');
    const Address address(text.substr(0, slash), 0);
    // Address makes IPv4 of it, and its bits are counted as they are written.
    const bool mapped = address.family() == Family::inet && text.find(':') != text.npos;
    int bits = mapped ? most_bits(Family::inet6) : most_bits(address.family());
    if (slash != text.npos) {
      const char* const begin = text.data() + slash + 1;
      const char* const end = text.data() + text.size();
      const auto [behind, error] = std::from_chars(begin, end, bits);
      if (error != std::errc() || behind != end) {
        return AddressError(concat("\"", text, "\": behind the / stands a number of bits"));
      }
    }
    const Network network(address, mapped ? bits - before_mapped : bits);
    if (!(network.address().compact() == bare(address))) {
      return AddressError(
          concat("\"", text, "\" has bits set behind the first ", bits, "; ", network, " is that network"));
    }
    return network;
  } catch (const AddressError& error) {
    return AddressError(concat("\"", text, "\" is no network: ", error.what()));
  }
}

bool Network::contains(const Address& address) const {
  const CompactAddress numbers = bare(address);
  return numbers.family == address_.family() && first_of(numbers, bits_) == address_.compact();
}

void print(Writer& out, const Network& network) {
  print_all(out, network.address().host(), "/", network.bits());
}

}  // namespace parley
