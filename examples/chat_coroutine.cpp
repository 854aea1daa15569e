// The chat once more, with a coroutine for each of those who talk: who says nothing for ten minutes leaves.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>
#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

void tell(Group& room, TransportId self, const auto&... parts) {  // everybody but one, and our stdout
  room.broadcast(omit(self), parts..., "\r\n");
  (std::cout << ... << parts) << std::endl;
}

Task<> talk(Stream peer, Group& room) {
  const TransportId self = peer.transport()->id();
  const Address who = peer.peer();
  co_await peer.write("You're connected to the Parley chatserver\r\n");
  room.add(self);  // leaves by itself when the connection is lost
  tell(room, self, "Client joined ", who);
  for (;;) {
    const auto line = co_await as_result(with_timeout(10min, peer.read_line(16384)));
    if (!line || !*line) break;  // broken, silent for too long, or at its end
    tell(room, self, "[", who, "] ", **line);
  }
  tell(room, self, "Client left ", who);
}

Task<> chat(int port) {
  Group room(current_reactor());
  const auto handler = [&room](Stream peer) { return talk(std::move(peer), room); };
  ServeSettings settings;
  settings.listening = [](const Address& host) {
    std::cout << "ChatServer started on port " << host.port() << std::endl;
  };
  co_await serve_tcp({"", port}, handler, settings);
}

int main(int argc, char** argv) {
  run(chat(argc > 1 ? std::atoi(argv[1]) : 2626));
}
