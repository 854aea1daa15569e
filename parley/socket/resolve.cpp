#include "parley/socket/resolve.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <optional>
#include <string>
#include <system_error>

#include "parley/socket/blocking.h"
#include "parley/socket/error.h"
#include "parley/socket/looking_up.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* found) const { freeaddrinfo(found); }
};
using Found = std::unique_ptr<addrinfo, FreeAddresses>;

// Only what could be one: inet_aton also takes a number with a word behind it.
std::optional<Address> other_spelling(const std::string& host, int port) {
  if (host.empty() || host.find_first_not_of("0123456789abcdefABCDEFxX.") != host.npos) return std::nullopt;
  in_addr found{};
  if (::inet_aton(host.c_str(), &found) == 0) return std::nullopt;
  CompactAddress address{.family = Family::inet, .port = static_cast<std::uint16_t>(port)};
  std::memcpy(address.bytes.data(), &found, sizeof found);
  return Address(address);
}

struct Service {
  std::string text;
  bool numeric;
};

// A port as getaddrinfo takes it, once it was seen to be one.
Service service_of(int port) {
  (void)Address("", port);
  return {std::to_string(port), true};
}

[[noreturn]] void fail(std::string_view operation, std::string_view where, int failed) {
  const std::error_code reason = failed == EAI_SYSTEM ? std::error_code(errno, std::system_category())
                                                      : std::error_code(failed, resolve_category());
  throw ResolveError(operation, where, reason);
}

int flags_of(const AddressHints& hints) {
  return (hints.passive ? AI_PASSIVE : 0) | (hints.canonical_name ? AI_CANONNAME : 0) |
         (hints.numeric_host ? AI_NUMERICHOST : 0) | (hints.numeric_service ? AI_NUMERICSERV : 0) |
         (hints.address_config ? AI_ADDRCONFIG : 0) | (hints.v4_mapped ? AI_V4MAPPED : 0);
}

int flags_of(const NameHints& hints) {
  return (hints.numeric_host ? NI_NUMERICHOST : 0) | (hints.numeric_service ? NI_NUMERICSERV : 0) |
         (hints.name_required ? NI_NAMEREQD : 0) | (hints.local_name_only ? NI_NOFQDN : 0) |
         (hints.datagram ? NI_DGRAM : 0);
}

Found look_up(std::string_view operation, const std::string& host, const Service& service,
              const AddressHints& how) {
  for (const std::string& name : {host, service.text}) {
    if (name.find('\0') == std::string::npos) continue;
    throw ResolveError(operation, name, {EAI_NONAME, resolve_category()}, "a NUL byte in the name");
  }
  const bool asks_for_host = !how.numeric_host && !host.empty() && !numeric_host(host, 0);
  const bool asks_for_service = !service.numeric && !how.numeric_service;
  if (asks_for_host || asks_for_service) require_blocking_allowed(operation);

  addrinfo hints{};
  hints.ai_family = domain_of(how.family);
  hints.ai_socktype = how.type ? kind_of(*how.type) : 0;
  hints.ai_protocol = how.proto;
  hints.ai_flags = flags_of(how);
  const char* const name = host.empty() ? nullptr : host.c_str();
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(name, service.text.c_str(), &hints, &found);
  if (failed == 0) return Found(found);
  fail(operation, service.numeric || service.text.empty() ? host : concat(host, ':', service.text), failed);
}

// What the system found may be an IPv4-mapped address, which is IPv4.
bool is_wanted(Family family, Family wanted) {
  return family != Family::unspecified && (wanted == Family::unspecified || family == wanted);
}

std::vector<AddressInfo> infos(const std::string& host, const Service& service, const AddressHints& hints) {
  std::vector<AddressInfo> all;
  const Found found = look_up("getaddrinfo", host, service, hints);
  for (const addrinfo* info = found.get(); info != nullptr; info = info->ai_next) {
    const std::optional<Type> type = type_of(info->ai_socktype);
    const Address address = from_sockaddr(info->ai_addr, info->ai_addrlen);
    // An IPv6 socket is made for an IPv4-mapped address where it was asked for.
    const Family family = hints.v4_mapped ? family_of(info->ai_family) : address.family();
    if (!type || !is_wanted(family, hints.family)) continue;
    all.push_back(
        {family, *type, info->ai_protocol, info->ai_canonname == nullptr ? "" : info->ai_canonname, address});
  }
  if (all.empty()) fail("getaddrinfo", host, EAI_NONAME);
  return all;
}

}  // namespace

std::optional<Address> numeric_host(const std::string& host, int port) {
  (void)Address("", port);  // a wrong port is to be told as such, and not as a wrong host
  if (host.empty()) return std::nullopt;
  try {
    return Address(host, port);
  } catch (const AddressError&) {
    return other_spelling(host, port);
  }
}

std::optional<Address> numeric_address(const Endpoint& endpoint) {
  if (const auto local = Address::parse(endpoint.host); local && local->family() == Family::local)
    return *local;
  return numeric_host(endpoint.host, endpoint.port);
}

AddressError no_local_address(std::string_view host) {
  return AddressError(concat('"', host, "\" is no local address (a path, such as /run/x, or @name)"));
}

std::vector<Address> addresses_of(std::string_view operation, const Endpoint& endpoint, Type type,
                                  Family family) {
  if (const auto address = numeric_address(endpoint)) {
    if (is_wanted(address->family(), family)) return {*address};
    throw AddressError(
        concat(*address, " is an address of family ", address->family(), ", asked for was ", family));
  }
  if (family == Family::local) throw no_local_address(endpoint.host);

  std::vector<Address> addresses;
  const AddressHints hints{.family = family,
                           .type = type};  // without a type each address comes once for each
  const Found found = look_up(operation, endpoint.host, service_of(endpoint.port), hints);
  for (const addrinfo* info = found.get(); info != nullptr; info = info->ai_next) {
    const Address address = from_sockaddr(info->ai_addr, info->ai_addrlen);
    if (!is_wanted(address.family(), family)) continue;
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  }
  if (addresses.empty()) fail(operation, endpoint.host, EAI_NONAME);
  return addresses;
}

std::vector<Address> resolve(const Endpoint& endpoint, Type type, Family family) {
  return addresses_of("resolve", endpoint, type, family);
}

std::vector<AddressInfo> getaddrinfo(std::string_view host, int port, const AddressHints& hints) {
  return infos(std::string(host), service_of(port), hints);
}

std::vector<AddressInfo> getaddrinfo(std::string_view host, std::string_view service,
                                     const AddressHints& hints) {
  int port = 0;
  const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
  const bool numeric = end == service.data() + service.size() && !service.empty();
  // libc takes a port that is too large, and keeps its last 16 bits.
  if (numeric) return getaddrinfo(host, error == std::errc() ? port : 65536, hints);
  return infos(std::string(host), {std::string(service.empty() ? "0" : service), service.empty()}, hints);
}

NameInfo getnameinfo(const Address& address, const NameHints& hints) {
  if (address.family() != Family::inet && address.family() != Family::inet6) {
    throw AddressError(concat("getnameinfo: ", address, " has no host"));
  }
  if (!hints.numeric_host || !hints.numeric_service) require_blocking_allowed("getnameinfo");
  const RawAddress raw = to_raw(address, address.family());
  char host[NI_MAXHOST];
  char service[NI_MAXSERV];
  const int failed =
      ::getnameinfo(raw.data(), raw.size, host, sizeof host, service, sizeof service, flags_of(hints));
  if (failed != 0) fail("getnameinfo", concat(address), failed);
  return {host, service};
}

}  // namespace parley
