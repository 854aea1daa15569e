#include "parley/socket/services.h"

#include <cerrno>
#include <netdb.h>
#include <netinet/in.h>
#include <system_error>

#include "parley/base/print.h"
#include "parley/socket/address.h"
#include "parley/socket/blocking.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

// Calls one of libc's thread-safe look-ups, with as much memory as it wants, and hands what it found to
// `take`.
template <class Entry, class Call, class Take>
auto look_up(std::string_view operation, const std::string& where, int code, std::string_view advice,
             Call call, Take take) {
  require_blocking_allowed(operation);
  std::string memory(1024, '\0');
  for (;;) {
    Entry entry{};
    Entry* found = nullptr;
    const int failed = call(entry, memory, found);
    if (found != nullptr) return take(*found);
    if (failed != ERANGE) throw ResolveError(operation, where, {code, resolve_category()}, advice);
    memory.resize(memory.size() * 2);
  }
}

constexpr std::string_view no_service = "it is not in /etc/services";

std::string with_proto(const auto& name, const std::string& proto) {
  return proto.empty() ? concat(name) : concat(name, '/', proto);
}

// Looked up as a C string, it would be another name.
std::string whole(std::string_view operation, std::string_view name) {
  if (name.find('\0') != name.npos)
    throw ResolveError(operation, name, {EAI_NONAME, resolve_category()}, "a NUL byte in the name");
  return std::string(name);
}

const char* or_null(const std::string& proto) {
  return proto.empty() ? nullptr : proto.c_str();
}

}  // namespace

int getservbyname(std::string_view name, std::string_view proto) {
  const std::string service = whole("getservbyname", name);
  const std::string over = whole("getservbyname", proto);
  return look_up<servent>(
      "getservbyname", with_proto(service, over), EAI_SERVICE, no_service,
      [&](servent& entry, std::string& memory, servent*& found) {
        return ::getservbyname_r(service.c_str(), or_null(over), &entry, memory.data(), memory.size(),
                                 &found);
      },
      [](const servent& found) { return int{ntohs(static_cast<std::uint16_t>(found.s_port))}; });
}

std::string getservbyport(int port, std::string_view proto) {
  const int in_network_order = htons(static_cast<std::uint16_t>(Address("", port).port()));
  const std::string over = whole("getservbyport", proto);
  return look_up<servent>(
      "getservbyport", with_proto(port, over), EAI_SERVICE, no_service,
      [&](servent& entry, std::string& memory, servent*& found) {
        return ::getservbyport_r(in_network_order, or_null(over), &entry, memory.data(), memory.size(),
                                 &found);
      },
      [](const servent& found) { return std::string(found.s_name); });
}

int getprotobyname(std::string_view name) {
  const std::string proto = whole("getprotobyname", name);
  return look_up<protoent>(
      "getprotobyname", proto, EAI_NONAME, "it is not in /etc/protocols",
      [&](protoent& entry, std::string& memory, protoent*& found) {
        return ::getprotobyname_r(proto.c_str(), &entry, memory.data(), memory.size(), &found);
      },
      [](const protoent& found) { return found.p_proto; });
}

}  // namespace parley
