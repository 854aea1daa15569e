// Addresses and numeric hosts. Nothing here asks a name server.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/must.h"
#include "parley/socket/address.h"
#include "parley/socket/error.h"
#include "parley/socket/resolve.h"

namespace parley {
namespace {

constexpr std::string_view mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

// What prints says the same when it is read again.
void check_same(const Address& one, const Address& other) {
  must(one == other && (one <=> other) == 0, "an address is not equal to itself");
  must(std::hash<Address>()(one) == std::hash<Address>()(other), "equal addresses have two hashes");
}

// An IPv4-mapped address is the IPv4 address, wherever it comes from.
void check_family(const Address& address) {
  const std::string host = address.host();
  const bool colon = host.find(':') != host.npos;
  must((address.family() == Family::inet6) == colon, "it is of another family than it prints");
  if (colon)
    must(!inet_pton(Family::inet6, host.substr(0, host.find('%'))).starts_with(mapped), "it is IPv4");
  if (address.family() == Family::inet) check_same(Address("::ffff:" + host, address.port()), address);
}

void check_parse(std::string_view text) {
  const auto address = Address::parse(text);
  if (!address) return must(!std::string_view(address.error().what()).empty(), "an error says nothing");
  const std::string printed = concat(*address);
  for (const char c : printed)
    must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "it prints a control");
  const auto again = Address::parse(printed);
  must(again.ok(), "what it prints is not read");
  check_same(*again, *address);
  check_family(*address);
  if (address->path().empty()) check_same(Address(address->compact()), *address);
}

std::optional<Address> numeric(const std::string& host) {
  try {
    return Address(host, 80);
  } catch (const AddressError&) {
    return std::nullopt;
  }
}

void check_bytes(Family family, const std::string& host) {
  try {
    const std::string bytes = inet_pton(family, host);
    must(bytes.size() == (family == Family::inet ? 4U : 16U), "it has another size");
    must(inet_pton(family, inet_ntop(family, bytes)) == bytes, "it is not the same, there and back");
  } catch (const AddressError&) {
    return;
  }
}

// libc reads more spellings than Address: "0x7f.1". `resolve` must read these too, and look no name up.
void check_spelling(const std::string& host) {
  std::vector<AddressInfo> found;
  try {
    found = getaddrinfo(host, 80, {.type = Type::stream, .numeric_host = true});
  } catch (const ResolveError&) {
    return;  // a name
  }
  const auto resolved = resolve({host, 80});
  // Of "*" libc makes this machine, by IPv4 and IPv6, as of no host at all.
  must(!found.empty() && (resolved.size() == 1 || host == "*"), "it is numeric, and has not one address");
  must(resolved.front() == found.front().address, "resolve and getaddrinfo differ");
  for (const AddressInfo& info : found) {
    check_family(info.address);
    must(info.family == info.address.family(), "it is of another family than its address");
  }
}

void check_host(const std::string& host) {
  const auto address = numeric(host);
  check_bytes(Family::inet, host);
  check_bytes(Family::inet6, host);
  if (address) {
    check_same(Address(address->host(), 80), *address);
    const auto resolved = resolve({host, 80});
    must(host.empty() || (resolved.size() == 1 && resolved.front() == *address),
         "resolve reads it otherwise");
    check_family(*address);
  } else if (const auto whole = Address::parse(host); !whole || whole->family() != Family::local) {
    check_spelling(host);
  }
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  parley::check_parse(text);
  parley::check_host(text);
  return 0;
}
