// Logs what any number of clients send, as it comes. Try `nc localhost 50007` in several terminals.

#include <cstdlib>
#include <iostream>
#include <map>
#include <vector>

#include <parley/select.h>
#include <parley/socket.h>

using namespace parley;

int main(int argc, char** argv) try {
  Socket server = create_server({"", argc > 1 ? std::atoi(argv[1]) : 50007});
  server.setblocking(false);  // who was there may have left again before `accept`
  std::cout << "Listening on " << server.getsockname() << std::endl;
  std::map<int, std::pair<Socket, Address>> clients;  // by descriptor
  for (std::vector<Selectable> watched;; watched.clear()) {
    if (clients.size() < 1000) watched.push_back(server);  // select takes no descriptor beyond 1023
    for (const auto& [descriptor, client] : clients) watched.push_back(descriptor);
    for (const Selectable& ready : select(watched, {}, {}).read) try {
        if (ready == server) {
          auto client = server.accept();
          clients.emplace(client.first.fileno(), std::move(client));
        } else {
          auto& [client, peer] = clients.at(ready.fileno());
          const auto data = client.recv(4096);
          std::cout << peer << (data.empty() ? " left" : ": " + data) << std::endl;
          if (data.empty()) clients.erase(ready.fileno());
        }
      } catch (const SocketError& error) {  // one client's trouble is not the server's
        std::cout << error.what() << std::endl;
        clients.erase(ready.fileno());
      }
  }
} catch (const std::exception& error) {
  std::cerr << "select_server: " << error.what() << '\n';
  return 1;
}
