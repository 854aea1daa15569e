// Sends one client back what it says, and ends when the client does. Try `nc localhost 50007`.

#include <cstdlib>
#include <iostream>

#include <parley/socket.h>

using namespace parley;

int main(int argc, char** argv) try {
  Socket server(Family::inet, Type::stream);
  server.setsockopt(options::reuse_addr, true);  // so that it can be started again at once
  server.bind({"", argc > 1 ? std::atoi(argv[1]) : 50007});
  server.listen(1);
  std::cout << "Listening on " << server.getsockname() << std::endl;

  auto [client, peer] = server.accept();
  std::cout << "Connected by " << peer << std::endl;
  for (auto data = client.recv(4096); !data.empty(); data = client.recv(4096)) client.sendall(data);
} catch (const std::exception& error) {
  std::cerr << "echo_server: " << error.what() << '\n';
  return 1;
}
