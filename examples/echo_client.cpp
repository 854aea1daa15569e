// Says something to an echo server, and prints what comes back: echo_client [HOST [PORT [TEXT]]]

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

  Socket server = create_connection({host, port}, 10s);
  server.sendall(text);
  server.shutdown(Shutdown::write);  // that was all; the answer may still come
  std::string answer;
  for (auto data = server.recv(4096); !data.empty(); data = server.recv(4096)) answer += data;
  std::cout << "Received " << answer << '\n';
} catch (const std::exception& error) {
  std::cerr << "echo_client: " << error.what() << '\n';
  return 1;
}
