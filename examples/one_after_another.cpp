// An echo server that takes client after client; who comes meanwhile waits. Try `nc localhost 50007`.

#include <cstdlib>
#include <iostream>

#include <parley/socket.h>

using namespace parley;

void echo(Socket& client) {
  for (auto data = client.recv(4096); !data.empty(); data = client.recv(4096)) client.sendall(data);
}

int main(int argc, char** argv) try {
  Socket server = create_server({"", argc > 1 ? std::atoi(argv[1]) : 50007});
  std::cout << "Listening on " << server.getsockname() << std::endl;
  for (;;) {
    auto [client, peer] = server.accept();
    std::cout << peer << " came" << std::endl;
    try {
      echo(client);
      std::cout << peer << " left" << std::endl;
    } catch (const SocketError& error) {  // one client's trouble is not the server's
      std::cout << peer << " is lost: " << error.what() << std::endl;
    }
  }
} catch (const std::exception& error) {
  std::cerr << "one_after_another: " << error.what() << '\n';
  return 1;
}
