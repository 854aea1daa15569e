#pragma once

#include <string>
#include <string_view>

namespace parley {

// All that follow read this machine's lists (/etc/services, /etc/protocols). Thread: any. They throw
// ResolveError for what is not in the list, and std::logic_error inside a reactor's callback.

// The port of a service, of `tcp`, `udp` or whichever comes first: `getservbyname("http")` is 80.
int getservbyname(std::string_view name, std::string_view proto = {});

// The service of a port: `getservbyport(80)` is `http`. Throws AddressError for a port out of range.
std::string getservbyport(int port, std::string_view proto = {});

// The number of a protocol, as `Socket(family, type, proto)` takes it: `getprotobyname("icmp")` is 1.
int getprotobyname(std::string_view name);

}  // namespace parley
