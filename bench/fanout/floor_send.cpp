// Floor (a): a bare epoll chat with one send for each client and message.
//
// System calls of a turn that reads M messages from K senders, with N clients:
//   1 epoll_wait, K recv, M * (N - 1) send.
// Usage: fanout_floor_send [PORT]
#include "bench/fanout/floor.h"

int main(int argc, char** argv) {
  bench::Floor floor(argc, argv);
  std::string text;
  for (;;) {
    for (const epoll_event& event : floor.wait()) {
      bench::Client* from = floor.readable(event);
      if (!from) continue;
      floor.read(*from, [&](std::string_view line) {
        text.assign(from->name).append(line).append("\r\n");
        for (const auto& to : floor.clients()) {
          if (to.get() != from) floor.send(*to, text);
        }
      });
    }
  }
}
