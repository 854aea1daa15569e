#include "parley/socket/hosts.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <system_error>
#include <unistd.h>

#include "parley/socket/address.h"
#include "parley/socket/blocking.h"
#include "parley/socket/error.h"
#include "parley/socket/looking_up.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

// The codes of the older calls, as those of getaddrinfo.
int resolve_code(int host_error) {
  switch (host_error) {
    case TRY_AGAIN:
      return EAI_AGAIN;
    case NO_RECOVERY:
      return EAI_FAIL;
    default:
      return EAI_NONAME;
  }
}

HostEntry entry_of(const hostent& found) {
  HostEntry entry{.name = found.h_name, .aliases = {}, .addresses = {}};
  for (char** alias = found.h_aliases; *alias != nullptr; ++alias) entry.aliases.emplace_back(*alias);
  for (char** address = found.h_addr_list; *address != nullptr; ++address) {
    const std::string_view bytes(*address, static_cast<std::size_t>(found.h_length));
    const std::string host = inet_ntop(family_of(found.h_addrtype), bytes);
    if (std::find(entry.addresses.begin(), entry.addresses.end(), host) == entry.addresses.end())
      entry.addresses.push_back(host);  // /etc/hosts may have it twice
  }
  return entry;
}

// Calls one of libc's thread-safe look-ups, with as much memory as it wants.
template <class Call>
HostEntry look_up(std::string_view operation, std::string_view where, Call call) {
  std::string memory(1024, '\0');
  for (;;) {
    hostent entry{};
    hostent* found = nullptr;
    int host_error = 0;
    const int failed = call(entry, memory, found, host_error);
    if (failed == ERANGE) {
      memory.resize(memory.size() * 2);
      continue;
    }
    if (found != nullptr) return entry_of(*found);
    if (failed != 0 && host_error == NETDB_INTERNAL)
      throw ResolveError(operation, where, {failed, std::system_category()});
    throw ResolveError(operation, where, {resolve_code(host_error), resolve_category()});
  }
}

// The address that a numeric host is, or the first one of a name.
Address address_of(std::string_view operation, const std::string& host) {
  if (host.empty()) throw ResolveError(operation, host, {EAI_NONAME, resolve_category()}, "an empty name");
  if (const auto address = numeric_host(host, 0)) return *address;
  return addresses_of(operation, {host, 0}, Type::stream, Family::unspecified).front();
}

// Looked up as a C string, it would be another name.
std::string whole(std::string_view operation, std::string_view name) {
  if (name.find('\0') != name.npos)
    throw ResolveError(operation, name, {EAI_NONAME, resolve_category()}, "a NUL byte in the name");
  return std::string(name);
}

// What is an IPv4 address without being looked up. As in Python, an empty name is any address, and
// `<broadcast>` is everybody.
std::optional<std::string> numeric_inet(std::string_view operation, const std::string& name) {
  if (name.empty()) return "0.0.0.0";
  if (name == "<broadcast>") return "255.255.255.255";
  const auto address = numeric_host(name, 0);
  if (!address) return std::nullopt;
  if (address->family() == Family::inet) return address->host();
  throw ResolveError(operation, name, {EAI_ADDRFAMILY, resolve_category()}, "it knows IPv4 alone");
}

HostEntry inet_entry(std::string_view operation, std::string_view name) {
  const std::string host = whole(operation, name);
  if (auto address = numeric_inet(operation, host))
    return {.name = host, .aliases = {}, .addresses = {*std::move(address)}};
  require_blocking_allowed(operation);
  return look_up(operation, host, [&](hostent& entry, std::string& memory, hostent*& found, int& error) {
    return ::gethostbyname2_r(host.c_str(), AF_INET, &entry, memory.data(), memory.size(), &found, &error);
  });
}

bool is_full(std::string_view name) {
  return name.find('.') != name.npos;
}

}  // namespace

std::string gethostname() {
  char name[HOST_NAME_MAX + 1];
  if (::gethostname(name, sizeof name) != 0)
    throw SocketError("gethostname", "", {errno, std::system_category()});
  return name;
}

std::string getfqdn(std::string_view name) {
  require_blocking_allowed("getfqdn");
  std::string own(name.empty() || name == "0.0.0.0" || name == "::" ? gethostname() : name);
  try {
    const HostEntry entry = gethostbyaddr(own);
    if (is_full(entry.name)) return entry.name;
    const auto full = std::find_if(entry.aliases.begin(), entry.aliases.end(), is_full);
    return full == entry.aliases.end() ? entry.name : *full;
  } catch (const ResolveError&) {
    return own;
  }
}

std::string gethostbyname(std::string_view name) {
  return inet_entry("gethostbyname", name).addresses.front();
}

HostEntry gethostbyname_ex(std::string_view name) {
  return inet_entry("gethostbyname_ex", name);
}

HostEntry gethostbyaddr(std::string_view address) {
  require_blocking_allowed("gethostbyaddr");
  const Address host = address_of("gethostbyaddr", whole("gethostbyaddr", address));
  const std::string bytes(host.compact().bytes.begin(), host.compact().bytes.end());
  const socklen_t size = host.family() == Family::inet ? 4 : 16;
  return look_up("gethostbyaddr", address,
                 [&](hostent& entry, std::string& memory, hostent*& found, int& error) {
                   return ::gethostbyaddr_r(bytes.data(), size, domain_of(host.family()), &entry,
                                            memory.data(), memory.size(), &found, &error);
                 });
}

}  // namespace parley
