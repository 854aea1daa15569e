// Talks to an echo server over two sockets at once, and shows whether it listens to both:
// two_sockets [HOST [PORT]]

#include <chrono>
#include <cstdlib>
#include <iostream>

#include <parley/socket.h>

using namespace parley;
using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  const Endpoint server{argc > 1 ? argv[1] : "localhost", argc > 2 ? std::atoi(argv[2]) : 50007};
  Socket first = create_connection(server, 10s);
  Socket second = create_connection(server, 10s);
  first.sendall("one");
  second.sendall("two");
  std::cout << "first: " << first.recv(100) << std::endl;

  second.settimeout(1s);
  try {
    const auto answer = second.recv(100);
    std::cout << "second: " << answer << '\n';
  } catch (const Timeout&) {
    std::cout << "second: no answer while the first is there" << std::endl;
    first.close();
    second.settimeout(10s);
    std::cout << "second: " << second.recv(100) << '\n';
  }
} catch (const std::exception& error) {
  std::cerr << "two_sockets: " << error.what() << '\n';
  return 1;
}
