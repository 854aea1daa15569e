#include "parley/socket/resolve.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <optional>
#include <string>

#include "parley/socket/blocking.h"
#include "parley/socket/error.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* found) const { freeaddrinfo(found); }
};
using Found = std::unique_ptr<addrinfo, FreeAddresses>;

// The endpoint's address where no name has to be looked up.
std::optional<Address> numeric(const Endpoint& endpoint) {
  if (const auto local = Address::parse(endpoint.host); local && local->family() == Family::local)
    return *local;
  (void)Address("", endpoint.port);  // a wrong port is to be told as such, and not as a wrong host
  if (endpoint.host.empty()) return std::nullopt;
  try {
    return Address(endpoint.host, endpoint.port);
  } catch (const AddressError&) {
    return std::nullopt;
  }
}

Found look_up(const Endpoint& endpoint, Type type, Family family) {
  addrinfo hints{};
  hints.ai_family = domain_of(family);
  hints.ai_socktype = kind_of(type);  // otherwise each address comes once for each type
  const std::string port = std::to_string(endpoint.port);
  const char* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host, port.c_str(), &hints, &found);
  if (failed == 0) return Found(found);
  const std::error_code reason = failed == EAI_SYSTEM ? std::error_code(errno, std::system_category())
                                                      : std::error_code(failed, resolve_category());
  throw ResolveError("resolve", endpoint.host, reason);
}

}  // namespace

std::vector<Address> resolve(const Endpoint& endpoint, Type type, Family family) {
  if (const auto address = numeric(endpoint)) return {*address};
  if (endpoint.host.find('\0') != std::string::npos) {
    throw ResolveError("resolve", endpoint.host, {EAI_NONAME, resolve_category()}, "a NUL byte in the name");
  }
  if (!endpoint.host.empty()) require_blocking_allowed("resolve");

  std::vector<Address> addresses;
  const Found found = look_up(endpoint, type, family);
  for (const addrinfo* info = found.get(); info != nullptr; info = info->ai_next) {
    if (family_of(info->ai_family) == Family::unspecified) continue;
    const Address address = from_sockaddr(info->ai_addr, info->ai_addrlen);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  }
  if (addresses.empty()) throw ResolveError("resolve", endpoint.host, {EAI_NONAME, resolve_category()});
  return addresses;
}

}  // namespace parley
