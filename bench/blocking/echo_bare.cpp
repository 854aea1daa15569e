// Echo over one blocking connection after the other: recv and send, and nothing else.
#include <array>

#include "bench/blocking/bare.h"

int main(int argc, char** argv) {
  const int listener = bench::listen_at(argc, argv);
  std::array<char, 4096> buffer;
  for (;;) {
    const int client = bench::accept_at(listener);
    for (ssize_t size; (size = ::recv(client, buffer.data(), buffer.size(), 0)) > 0;) {
      const char* rest = buffer.data();
      for (ssize_t sent; size > 0; rest += sent, size -= sent) {
        sent = ::send(client, rest, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (sent < 0) break;
      }
    }
    ::close(client);
  }
}
