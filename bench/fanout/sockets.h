// What servers and loads share: the limit of descriptors, connecting, and how a client is named in a line.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstdio>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>

namespace bench {

// Raises the soft limit of descriptors to the hard one.
inline void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// A connection to 127.0.0.1 that blocks, and sends small pieces at once.
inline int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect");
  }
  return client;
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
