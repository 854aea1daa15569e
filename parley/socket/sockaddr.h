#pragma once

// Private to socket/, process/ and reactor/backends: Parley's addresses as the kernel has them.

#include <optional>
#include <sys/socket.h>

#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

// An address as the kernel has it. Made without arguments, it is room for one: hand `data()` and
// `&size` to accept, recvfrom, getsockname.
struct RawAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// `address` for a socket of `family`: any address becomes the family's own, and IPv4 goes into an inet6
// socket as v4-mapped. Throws AddressError where the family cannot have it.
RawAddress to_raw(const Address& address, Family family);

// The address that the kernel gave. v4-mapped IPv6 becomes IPv4; a local peer without a name becomes
// `local_peer(0)`; a family that Parley does not know, and no address at all, becomes `Address()`.
Address from_raw(const RawAddress& raw);
Address from_sockaddr(const sockaddr* address, socklen_t size);

// The same into 24 bytes, without an allocation: for accepting many.
CompactAddress compact_from_raw(const RawAddress& raw);

// AF_INET and so on, SOCK_STREAM and so on, and back. An unknown domain is `unspecified`; `kind_of` throws
// std::invalid_argument for a type that does not exist.
int domain_of(Family family);
Family family_of(int domain);
int kind_of(Type type);
std::optional<Type> type_of(int kind);

}  // namespace parley
