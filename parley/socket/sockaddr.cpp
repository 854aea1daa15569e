#include "parley/socket/sockaddr.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/un.h>

namespace parley {

namespace {

constexpr socklen_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Specific>
RawAddress raw_from(const Specific& specific, socklen_t size = sizeof(Specific)) {
  RawAddress raw;
  std::memcpy(&raw.storage, &specific, sizeof specific);
  raw.size = size;
  return raw;
}

RawAddress raw_inet(const CompactAddress& address) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(address.port);
  std::memcpy(&in.sin_addr, address.bytes.data(), sizeof in.sin_addr);
  return raw_from(in);
}

RawAddress raw_inet6(const CompactAddress& address) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(address.port);
  auto* const to = reinterpret_cast<std::uint8_t*>(&in.sin6_addr);
  if (address.family == Family::inet) {
    std::copy_n(address.bytes.begin(), 4, std::copy(v4_mapped.begin(), v4_mapped.end(), to));
  } else {
    std::copy(address.bytes.begin(), address.bytes.end(), to);
    in.sin6_scope_id = address.scope;
  }
  return raw_from(in);
}

RawAddress raw_local(const Address& address) {
  const std::string& path = address.path();
  if (path.empty())
    throw AddressError(concat(address, " is a peer without a name: it cannot be reached by it"));
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), local.sun_path);
  auto size = path_offset + static_cast<socklen_t>(path.size());
  // A path is counted with the NUL byte after it where there is room; an abstract name has none.
  if (path.front() != '\0' && path.size() < sizeof local.sun_path) ++size;
  return raw_from(local, size);
}

CompactAddress compact_inet6(const sockaddr_in6& in) {
  CompactAddress address;
  address.port = ntohs(in.sin6_port);
  const auto* const from = reinterpret_cast<const std::uint8_t*>(&in.sin6_addr);
  if (std::equal(v4_mapped.begin(), v4_mapped.end(), from)) {
    address.family = Family::inet;
    std::copy_n(from + v4_mapped.size(), 4, address.bytes.begin());
  } else {
    address.family = Family::inet6;
    address.scope = in.sin6_scope_id;
    std::copy_n(from, 16, address.bytes.begin());
  }
  return address;
}

std::string_view name_of(const sockaddr* address, socklen_t size) {
  if (size <= path_offset) return {};
  const char* const path = reinterpret_cast<const char*>(address) + path_offset;
  const std::size_t room = std::min<std::size_t>(size - path_offset, sizeof(sockaddr_un::sun_path));
  return {path, *path == '\0' ? room : strnlen(path, room)};
}

CompactAddress compact_from(const sockaddr* address, socklen_t size) {
  CompactAddress compact;
  if (size < sizeof(sa_family_t)) return compact;
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof in);
    compact.family = Family::inet;
    compact.port = ntohs(in.sin_port);
    std::memcpy(compact.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
  } else if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in;
    std::memcpy(&in, address, sizeof in);
    compact = compact_inet6(in);
  } else if (address->sa_family == AF_UNIX) {
    compact.family = Family::local;
  }
  return compact;
}

}  // namespace

RawAddress to_raw(const Address& address, Family family) {
  const Family own = address.family();
  const bool fits = own == family || (own == Family::unspecified && family != Family::local) ||
                    (own == Family::inet && family == Family::inet6);
  if (!fits || family == Family::unspecified) {
    throw AddressError(
        concat(address, " is an address of family ", own, ", the socket's family is ", family));
  }
  switch (family) {
    case Family::local:
      return raw_local(address);
    case Family::inet:
      return raw_inet(address.compact());
    default:
      return raw_inet6(address.compact());
  }
}

Address from_sockaddr(const sockaddr* address, socklen_t size) {
  const CompactAddress compact = compact_from(address, size);
  if (compact.family == Family::local) {
    if (const std::string_view name = name_of(address, size); !name.empty()) return Address::local(name);
  }
  return Address(compact);
}

Address from_raw(const RawAddress& raw) {
  return from_sockaddr(raw.data(), raw.size);
}

CompactAddress compact_from_raw(const RawAddress& raw) {
  return compact_from(raw.data(), raw.size);
}

int domain_of(Family family) {
  switch (family) {
    case Family::unspecified:
      return AF_UNSPEC;
    case Family::local:
      return AF_UNIX;
    case Family::inet:
      return AF_INET;
    case Family::inet6:
      return AF_INET6;
  }
  return AF_UNSPEC;
}

Family family_of(int domain) {
  switch (domain) {
    case AF_UNIX:
      return Family::local;
    case AF_INET:
      return Family::inet;
    case AF_INET6:
      return Family::inet6;
    default:
      return Family::unspecified;
  }
}

int kind_of(Type type) {
  switch (type) {
    case Type::stream:
      return SOCK_STREAM;
    case Type::datagram:
      return SOCK_DGRAM;
    case Type::raw:
      return SOCK_RAW;
    case Type::seqpacket:
      return SOCK_SEQPACKET;
  }
  throw std::invalid_argument(concat("there is no type of socket ", type));
}

std::optional<Type> type_of(int kind) {
  switch (kind) {
    case SOCK_STREAM:
      return Type::stream;
    case SOCK_DGRAM:
      return Type::datagram;
    case SOCK_RAW:
      return Type::raw;
    case SOCK_SEQPACKET:
      return Type::seqpacket;
    default:
      return std::nullopt;
  }
}

}  // namespace parley
