#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley {

// What a host is called. Python has a tuple of three.
struct HostEntry {
  std::string name;                    // the one that counts
  std::vector<std::string> aliases;    // its others
  std::vector<std::string> addresses;  // numeric, at least one

  bool operator==(const HostEntry&) const = default;
};

// All that follow may be used from any thread. Those that look something up block while they ask the name
// servers, and throw ResolveError, and std::logic_error inside a reactor's callback.

// This machine's name, as it knows itself; perhaps not one by which others reach it. Throws SocketError.
std::string gethostname();

// The full name of a host, which has a dot in it, or the name itself where none is found; this machine's for
// an empty name. A host that is unknown is no error.
std::string getfqdn(std::string_view name = {});

// The first IPv4 address of a host, `127.0.0.1`. As in Python the spellings `127.1` and `0x7f.1` are read, an
// empty name is `0.0.0.0`, and `<broadcast>` is `255.255.255.255`. `resolve` and `getaddrinfo` know IPv6 too.
std::string gethostbyname(std::string_view name);

// All that is known of a host in IPv4.
HostEntry gethostbyname_ex(std::string_view name);

// All that is known of a host by one of its addresses, IPv4 or IPv6; a name is looked up first.
HostEntry gethostbyaddr(std::string_view address);

}  // namespace parley
