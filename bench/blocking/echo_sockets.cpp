// The same with Parley's sockets.
#include <cstdlib>

#include "parley/socket.h"

int main(int argc, char** argv) {
  parley::Socket server = parley::create_server({"127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0});
  for (;;) {
    auto [client, peer] = server.accept();
    try {
      for (auto data = client.recv(4096); !data.empty(); data = client.recv(4096)) client.sendall(data);
    } catch (const parley::SocketError&) {  // this client's trouble
    }
  }
}
