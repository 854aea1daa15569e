#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "parley/base/print.h"
#include "parley/base/result.h"
#include "parley/socket/family.h"

namespace parley {

// An address that cannot be: its message names the part that is wrong. It is thrown before any system
// call is made.
class AddressError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// An address in 24 bytes, for tables with one for each connection. A local name does not fit: a local
// address keeps its number only.
struct CompactAddress {
  Family family = Family::unspecified;
  std::uint8_t reserved = 0;
  std::uint16_t port = 0;
  std::uint32_t scope = 0;               // inet6: index of the interface; local: the peer's number
  std::array<std::uint8_t, 16> bytes{};  // in network order; inet uses the first four

  bool operator==(const CompactAddress&) const = default;
};
static_assert(sizeof(CompactAddress) == 24);

// A numeric address: what a socket is bound to, or who its peer is. A value; names of hosts are for
// Endpoint. It compares, hashes, prints (`127.0.0.1:80`, `[::1]:80`, `/run/x`), and parses what it printed.
// The scope of an IPv6 address prints as its interface's name (RFC 4007, section 11), for which the kernel is
// asked.
//
// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address, however it comes: written, looked up,
// or from the kernel. So one peer has one address, whichever socket it came to.
class Address {
 public:
  // Any address and no port; prints `*:0`.
  Address() = default;

  // `host` is numeric, IPv6 with a scope where it needs one (`fe80::1%eth0`, `fe80::1%2`), or empty for
  // any address, which has no family until a socket is bound to it. Throws AddressError.
  Address(std::string_view host, int port);

  explicit Address(const CompactAddress& address);

  // A local socket's path, at most 108 bytes. A name that begins with a NUL byte is one of Linux's
  // abstract names, which stand in no file system. Throws AddressError.
  static Address local(std::string_view path);

  // Linux's abstract name `name`, given without the NUL byte before it; prints `@name`. Throws AddressError.
  static Address abstract(std::string_view name);

  // A local peer without a name, as clients usually are. `number` is for its server to tell it from
  // others; prints `[local:N]`.
  static Address local_peer(std::uint32_t number);

  // Reads an address as it prints. A host name, a port out of range and so on are told in the error.
  static Result<Address, AddressError> parse(std::string_view text);

  Family family() const { return numeric_.family; }
  // The numeric host without its port: `::1`, `fe80::1%eth0`; empty for any address, and for a local one.
  std::string host() const;
  // 0 where there is none.
  int port() const { return numeric_.port; }
  // The index of the interface that an inet6 address belongs to, or 0.
  std::uint32_t scope() const { return family() == Family::inet6 ? numeric_.scope : 0; }
  // The number of a local peer, or 0.
  std::uint32_t number() const { return family() == Family::local ? numeric_.scope : 0; }
  // A local address's path or abstract name (with the NUL byte before it); empty for others.
  const std::string& path() const& { return path_; }
  std::string path() && { return std::move(path_); }

  // The same in 24 bytes; a local path is lost.
  const CompactAddress& compact() const& { return numeric_; }
  CompactAddress compact() && { return numeric_; }

  bool operator==(const Address&) const = default;
  // By family, then host, then port.
  std::strong_ordering operator<=>(const Address& other) const;

 private:
  CompactAddress numeric_;
  std::string path_;
};

void print(Writer& out, const CompactAddress& address);
void print(Writer& out, const Address& address);

// A numeric host as its 4 or 16 bytes in network order, and back. `host` is one of the family's, without a
// scope and without brackets; IPv4-mapped ones are inet6's here. Throws AddressError.
std::string inet_pton(Family family, std::string_view host);
std::string inet_ntop(Family family, std::string_view bytes);

// Whom to reach: a host's name or numeric address, and a port. Names are looked up by what takes an
// Endpoint. Made of an Address, it says the same (a local one becomes the host, as it prints).
struct Endpoint {
  Endpoint(std::string to_host, int to_port) : host(std::move(to_host)), port(to_port) {}
  Endpoint(const Address& address);

  bool operator==(const Endpoint&) const = default;

  std::string host;
  int port;
};

// `localhost:80`, `[::1]:80`; `*:80` where the host is empty.
void print(Writer& out, const Endpoint& endpoint);

}  // namespace parley

template <>
struct std::hash<parley::CompactAddress> {
  std::size_t operator()(const parley::CompactAddress& address) const noexcept;
};

template <>
struct std::hash<parley::Address> {
  std::size_t operator()(const parley::Address& address) const noexcept;
};
