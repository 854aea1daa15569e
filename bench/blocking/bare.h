// What the bare servers of this folder share: a listening socket, and nothing else.
#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

// Listens on 127.0.0.1 at the port given as the program's argument.
inline int listen_at(int argc, char** argv) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener, 128) < 0) {
    std::perror("listen");
    std::exit(1);
  }
  return listener;
}

// The next connection, with its peer's address as a server wants it.
inline int accept_at(int listener) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
}

}  // namespace bench
