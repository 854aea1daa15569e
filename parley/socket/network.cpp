#include "parley/socket/network.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace parley {

namespace {

constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// An address without what says nothing of its network.
CompactAddress bare(const Address& address) {
  CompactAddress bare = address.compact();
  bare.port = 0;
  bare.scope = 0;
  if (bare.family == Family::inet6 && std::equal(mapped.begin(), mapped.end(), bare.bytes.begin())) {
    bare.family = Family::inet;
    std::copy(bare.bytes.begin() + mapped.size(), bare.bytes.end(), bare.bytes.begin());
    std::fill(bare.bytes.begin() + 4, bare.bytes.end(), std::uint8_t{0});
  }
  return bare;
}

bool is_mapped(const Address& address) {
  return address.family() == Family::inet6 && bare(address).family == Family::inet;
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

Network::Network(const Address& address, int bits)
    : bits_(is_mapped(address) && bits >= 96 ? bits - 96 : bits) {
  const CompactAddress numbers = bare(address);
  if (numbers.family != Family::inet && numbers.family != Family::inet6) {
    throw AddressError(concat(address, " is in no network: an IPv4 or IPv6 address is needed"));
  }
  if (bits_ < 0 || bits_ > most_bits(numbers.family) || (is_mapped(address) && bits < 96)) {
    throw AddressError(
        concat("an address of this family has ", most_bits(address.family()), " bits, not ", bits));
  }
  address_ = Address(first_of(numbers, bits_));
}

Result<Network, AddressError> Network::parse(std::string_view text) {
  try {
    const std::size_t slash = text.find('/');
    const Address address(text.substr(0, slash), 0);
    int bits = most_bits(address.family());
    if (slash != text.npos) {
      const char* const begin = text.data() + slash + 1;
      const char* const end = text.data() + text.size();
      const auto [behind, error] = std::from_chars(begin, end, bits);
      if (error != std::errc() || behind != end) {
        return AddressError(concat("\"", text, "\": behind the / stands a number of bits"));
      }
    }
    const Network network(address, bits);
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
