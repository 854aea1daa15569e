#include "parley/socket/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <net/if.h>
#include <optional>
#include <sys/un.h>
#include <system_error>

#include "parley/socket/error.h"
#include "parley/socket/looking_up.h"

namespace parley {

namespace {

constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path);
constexpr std::string_view local_prefix = "local:";
constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

AddressError wrong(const auto&... parts) {
  return AddressError(concat(parts...));
}

template <class Number>
std::optional<Number> decimal(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::uint16_t checked_port(int port) {
  if (port < 0 || port > 65535) throw wrong("port ", port, " is out of range (0 to 65535)");
  return static_cast<std::uint16_t>(port);
}

std::uint32_t checked_scope(std::string_view scope, std::string_view host) {
  if (const auto index = decimal<std::uint32_t>(scope)) return *index;
  const unsigned index = ::if_nametoindex(std::string(scope).c_str());
  if (index == 0 && why_no_interface() != ENODEV) {
    const std::error_code reason(why_no_interface(), std::system_category());
    throw wrong("the interface \"", scope,
                "\" cannot be looked up: ", detail::with_remedy(reason.message(), reason));
  }
  if (index == 0) throw wrong("no interface is called \"", scope, "\" (in \"", host, "\")");
  return index;
}

bool is_v4_mapped(const CompactAddress& address) {
  return address.family == Family::inet6 &&
         std::equal(v4_mapped.begin(), v4_mapped.end(), address.bytes.begin());
}

// As it stands: an IPv4-mapped address is inet6's still.
CompactAddress checked_numeric(std::string_view host, int port) {
  CompactAddress address;
  address.port = checked_port(port);
  if (host.empty()) return address;

  if (host.find('\0') != host.npos)
    throw wrong("a NUL byte in the host \"", host, '"');  // would cut it short
  const std::size_t percent = host.find('%');
  const std::string number(host.substr(0, percent));
  if (percent == host.npos && ::inet_pton(AF_INET, number.c_str(), address.bytes.data()) == 1) {
    address.family = Family::inet;
  } else if (::inet_pton(AF_INET6, number.c_str(), address.bytes.data()) == 1) {
    address.family = Family::inet6;
    if (percent == host.npos) return address;
    if (is_v4_mapped(address)) throw wrong("an IPv4 address has no scope (in \"", host, "\")");
    address.scope = checked_scope(host.substr(percent + 1), host);
  } else {
    throw wrong("\"", host, "\" is no numeric address (names of hosts go into an Endpoint)");
  }
  return address;
}

// Whoever may bind a local socket chooses its name, so that what could upset a terminal or a log is escaped.
void print_escaped(Writer& out, std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\') {
      print_all(out, "\\x", hex[byte >> 4], hex[byte & 15]);
    } else {
      out.put(c);
    }
  }
}

std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 2;
    if (text.substr(i).starts_with("\\x") && i + 4 <= text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      plain.push_back(static_cast<char>(byte));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// RFC 4007, section 11: the interface's name, which people know; its index where it has none (any more).
void print_scope(Writer& out, std::uint32_t scope) {
  const int kept = errno;  // printing is often part of telling an error
  char name[IF_NAMESIZE];
  const char* const found = ::if_indextoname(scope, name);
  errno = kept;
  out.put('%');
  if (found != nullptr && !decimal<std::uint32_t>(found)) {
    out.put(found);
  } else {
    print(out, scope);
  }
}

void print_inet6(Writer& out, const CompactAddress& address) {
  char text[INET6_ADDRSTRLEN];
  out.put(::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text));
  if (address.scope != 0) print_scope(out, address.scope);
}

void print_inet(Writer& out, const CompactAddress& address) {
  const auto& byte = address.bytes;
  print_all(out, byte[0], '.', byte[1], '.', byte[2], '.', byte[3]);
}

void print_local(Writer& out, const std::string& path) {
  if (path.front() == '\0') {
    out.put('@');
    print_escaped(out, std::string_view(path).substr(1));
  } else {
    if (path.front() != '/') out.put(local_prefix);  // a bare word would look like a host
    print_escaped(out, path);
  }
}

bool looks_local(std::string_view text) {
  return text.starts_with('/') || text.starts_with('@') || text.starts_with(local_prefix);
}

Address parsed_local(std::string_view text) {
  if (text.starts_with('@')) return Address::abstract(unescaped(text.substr(1)));
  if (text.starts_with(local_prefix)) text.remove_prefix(local_prefix.size());
  return Address::local(unescaped(text));
}

Address parsed_peer(std::string_view text) {
  const std::string_view number = text.substr(7, text.size() - 8);
  const auto peer = decimal<std::uint32_t>(number);
  if (!peer) throw wrong("\"", number, "\" is no number of a local peer (in \"", text, "\")");
  return Address::local_peer(*peer);
}

Address parsed(std::string_view text) {
  if (text.starts_with("[local:") && text.ends_with("]")) return parsed_peer(text);
  if (looks_local(text)) return parsed_local(text);

  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || text.ends_with(']')) throw wrong("\"", text, "\" has no port (HOST:PORT)");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const auto number = decimal<int>(port);
  if (!number) throw wrong("\"", port, "\" is no port (in \"", text, "\")");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == host.npos) throw wrong("only IPv6 stands in brackets (in \"", text, "\")");
  } else if (host.find(':') != host.npos) {
    throw wrong("an IPv6 address stands in brackets before its port (in \"", text, "\")");
  }
  return Address(host == "*" ? "" : host, *number);
}

std::string_view object_bytes(const CompactAddress& address) {
  return {reinterpret_cast<const char*>(&address), sizeof address};
}

}  // namespace

Address::Address(std::string_view host, int port) : Address(checked_numeric(host, port)) {}

Address::Address(const CompactAddress& address) : numeric_(address) {
  if (!is_v4_mapped(address)) return;
  numeric_ = {.family = Family::inet, .port = address.port};
  std::copy_n(address.bytes.begin() + v4_mapped.size(), 4, numeric_.bytes.begin());
}

Address Address::local(std::string_view path) {
  if (path.empty()) throw AddressError("a local address needs a path or a name");
  if (path.size() > longest_path) {
    throw wrong("a local address has at most ", longest_path, " bytes, not ", path.size(), ": ", path);
  }
  if (path.front() != '\0' && path.find('\0') != path.npos) throw wrong("a NUL byte in the path ", path);
  Address address = local_peer(0);
  address.path_ = path;
  return address;
}

Address Address::abstract(std::string_view name) {
  return local(std::string(1, '\0').append(name));
}

Address Address::local_peer(std::uint32_t number) {
  CompactAddress address;
  address.family = Family::local;
  address.scope = number;
  return Address(address);
}

Result<Address, AddressError> Address::parse(std::string_view text) {
  try {
    return parsed(text);
  } catch (const AddressError& error) {
    return error;
  }
}

std::string Address::host() const {
  TextWriter out;
  if (family() == Family::inet) print_inet(out, numeric_);
  if (family() == Family::inet6) print_inet6(out, numeric_);
  return std::string(out.text());
}

std::strong_ordering Address::operator<=>(const Address& other) const {
  if (const auto order = numeric_.family <=> other.numeric_.family; order != 0) return order;
  if (const auto order = numeric_.bytes <=> other.numeric_.bytes; order != 0) return order;
  if (const auto order = path_ <=> other.path_; order != 0) return order;
  if (const auto order = numeric_.port <=> other.numeric_.port; order != 0) return order;
  return numeric_.scope <=> other.numeric_.scope;
}

std::string inet_pton(Family family, std::string_view host) {
  const CompactAddress address = checked_numeric(host, 0);
  if (address.family != family || address.family == Family::unspecified || address.scope != 0)
    throw wrong("\"", host, "\" is no plain address of family ", family);
  const std::size_t size = family == Family::inet ? 4 : 16;
  return {address.bytes.begin(), address.bytes.begin() + size};
}

std::string inet_ntop(Family family, std::string_view bytes) {
  if (family != Family::inet && family != Family::inet6)
    throw wrong("the family ", family, " has no numeric hosts");
  const std::size_t size = family == Family::inet ? 4 : 16;
  if (bytes.size() != size)
    throw wrong("an address of family ", family, " has ", size, " bytes, not ", bytes.size());
  CompactAddress address;
  address.family = family;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  TextWriter out;
  if (family == Family::inet) print_inet(out, address);
  if (family == Family::inet6) print_inet6(out, address);
  return std::string(out.text());
}

Endpoint::Endpoint(const Address& address)
    : host(address.family() == Family::local ? concat(address) : address.host()), port(address.port()) {}

void print(Writer& out, Family family) {
  switch (family) {
    case Family::unspecified:
      return out.put("unspecified");
    case Family::local:
      return out.put("local");
    case Family::inet:
      return out.put("inet");
    case Family::inet6:
      return out.put("inet6");
  }
  print(out, static_cast<unsigned>(family));
}

void print(Writer& out, Type type) {
  switch (type) {
    case Type::stream:
      return out.put("stream");
    case Type::datagram:
      return out.put("datagram");
    case Type::raw:
      return out.put("raw");
    case Type::seqpacket:
      return out.put("seqpacket");
  }
  print(out, static_cast<unsigned>(type));
}

void print(Writer& out, const CompactAddress& address) {
  switch (address.family) {
    case Family::unspecified:
      return print_all(out, "*:", address.port);
    case Family::local:
      return print_all(out, "[local:", address.scope, ']');
    case Family::inet:
      print_inet(out, address);
      return print_all(out, ':', address.port);
    case Family::inet6:
      out.put('[');
      print_inet6(out, address);
      return print_all(out, "]:", address.port);
  }
}

void print(Writer& out, const Address& address) {
  if (address.path().empty()) {
    print(out, address.compact());
  } else {
    print_local(out, address.path());
  }
}

void print(Writer& out, const Endpoint& endpoint) {
  if (looks_local(endpoint.host) || endpoint.host.starts_with('[')) {
    out.put(endpoint.host);
  } else if (endpoint.host.find(':') != std::string::npos) {
    print_all(out, '[', endpoint.host, "]:", endpoint.port);
  } else {
    print_all(out, endpoint.host.empty() ? "*" : std::string_view(endpoint.host), ':', endpoint.port);
  }
}

}  // namespace parley

std::size_t std::hash<parley::CompactAddress>::operator()(
    const parley::CompactAddress& address) const noexcept {
  return std::hash<std::string_view>()(parley::object_bytes(address));
}

std::size_t std::hash<parley::Address>::operator()(const parley::Address& address) const noexcept {
  const std::size_t numeric = std::hash<parley::CompactAddress>()(address.compact());
  return address.path().empty() ? numeric : numeric ^ std::hash<std::string>()(address.path());
}
