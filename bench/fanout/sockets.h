// What servers and load share: the limit of descriptors, and how a client is named in a line.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <netinet/in.h>
#include <string>
#include <sys/resource.h>

namespace bench {

// Raises the soft limit of descriptors to the hard one.
inline void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// What stands before a client's text in everybody else's terminal: "[127.0.0.1:40000] ".
inline std::string line_prefix(const sockaddr_in& address) {
  std::array<char, INET_ADDRSTRLEN> host{};
  ::inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
  std::array<char, INET_ADDRSTRLEN + 10> text{};
  std::snprintf(text.data(), text.size(), "[%s:%d] ", host.data(), ntohs(address.sin_port));
  return text.data();
}

}  // namespace bench
