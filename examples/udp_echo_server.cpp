// Sends each datagram back to whom it came from. Try `nc -u localhost 50007`.

#include <cstdlib>
#include <iostream>

#include <parley/socket.h>

using namespace parley;

constexpr std::size_t largest_datagram = 65536;

int main(int argc, char** argv) try {
  Socket server(Family::inet, Type::datagram);
  server.bind({"", argc > 1 ? std::atoi(argv[1]) : 50007});
  std::cout << "Listening on " << server.getsockname() << std::endl;
  for (;;) {
    const auto [data, peer] = server.recvfrom(largest_datagram);
    std::cout << peer << " sent " << data.size() << " bytes" << std::endl;
    try {
      server.sendto(data, peer);
    } catch (const SocketError& error) {  // one peer that cannot be reached is not the others' trouble
      std::cout << error.what() << std::endl;
    }
  }
} catch (const std::exception& error) {
  std::cerr << "udp_echo_server: " << error.what() << '\n';
  return 1;
}
