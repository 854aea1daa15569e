// Asks a UDP echo server until it answers, three times at most: udp_echo_client [HOST [PORT [TEXT]]]

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <parley/socket.h>

using namespace parley;
using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  const std::string host = argc > 1 ? argv[1] : "localhost";
  const int port = argc > 2 ? std::atoi(argv[2]) : 50007;
  const std::string text = argc > 3 ? argv[3] : "Hello, world";

  Socket socket(Family::inet, Type::datagram);
  socket.connect({host, port});  // nothing is sent: it says with whom this socket talks
  socket.settimeout(1s);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    socket.send(text);
    try {
      const auto answer = socket.recv(65536);
      std::cout << "Received " << answer << '\n';
      return 0;
    } catch (const Timeout& timeout) {  // the question or the answer may be lost
      std::cout << timeout.what() << std::endl;
    }
  }
  return 1;
} catch (const std::exception& error) {
  std::cerr << "udp_echo_client: " << error.what() << '\n';
  return 1;
}
