// Sends what is typed, and prints what comes, whichever is first: stdin_and_sockets [HOST [PORT]]

#include <array>
#include <cstdlib>
#include <iostream>
#include <unistd.h>  // for `read`: std::cin would read ahead, and select sees nothing of what it holds
#include <vector>

#include <parley/select.h>
#include <parley/socket.h>

using namespace parley;

int main(int argc, char** argv) try {
  Socket server = create_connection({argc > 1 ? argv[1] : "localhost", argc > 2 ? std::atoi(argv[2]) : 2626});
  std::vector<Selectable> watched{STDIN_FILENO, server};
  std::array<char, 4096> typed;
  for (;;) {
    for (const Selectable& ready : select(watched, {}, {}).read) {
      if (ready == server) {
        const auto data = server.recv(4096);
        if (data.empty()) return 0;  // the server has left
        std::cout << data << std::flush;
      } else if (const auto size = read(STDIN_FILENO, typed.data(), typed.size()); size > 0) {
        server.sendall({typed.data(), static_cast<std::size_t>(size)});
      } else {
        server.shutdown(Shutdown::write);  // we have said everything, the server perhaps not
        watched = {server};
      }
    }
  }
} catch (const std::exception& error) {
  std::cerr << "stdin_and_sockets: " << error.what() << '\n';
  return 1;
}
