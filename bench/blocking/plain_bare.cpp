// A connection after the other: a line is read, a line is answered. The calls that a server makes which
// can be told to stop: poll over two descriptors, accept4, recv, send, close.
#include <array>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>

#include "bench/blocking/bare.h"

int main(int argc, char** argv) {
  const int listener = bench::listen_at(argc, argv);
  std::array<pollfd, 2> wanted{pollfd{listener, POLLIN, 0}, pollfd{::eventfd(0, EFD_CLOEXEC), POLLIN, 0}};
  while (::poll(wanted.data(), wanted.size(), -1) > 0) {
    const int client = bench::accept_at(listener);
    std::array<char, 8192> buffer;
    const ssize_t size = ::recv(client, buffer.data(), buffer.size(), 0);
    if (size > 0 && std::string_view(buffer.data(), static_cast<std::size_t>(size)).ends_with('\n')) {
      ::send(client, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    }
    ::close(client);
  }
}
