// Floor (b): a bare epoll chat that sends each client, in one send, all that one turn has read.
//
// System calls of a turn that reads M messages from K senders, with N clients:
//   1 epoll_wait, K recv, N - K send, K sendmsg (a sender gets what stands before and after its own lines).
// The turn's text is written once, whatever the number of clients; so nothing is left to save here but the
// kernel's own work.
// Usage: fanout_floor_turn [PORT]
#include "bench/fanout/floor.h"

int main(int argc, char** argv) {
  bench::Floor floor(argc, argv);
  std::string turn;
  std::vector<bench::Client*> senders;
  for (;;) {
    for (const epoll_event& event : floor.wait()) {
      bench::Client* from = floor.readable(event);
      if (!from) continue;
      from->begin = turn.size();
      floor.read(*from, [&](std::string_view line) { turn.append(from->name).append(line).append("\r\n"); });
      from->end = turn.size();
      senders.push_back(from);
    }
    if (!turn.empty()) {
      const std::string_view text = turn;
      for (const auto& to : floor.clients()) {
        if (to->begin == to->end)
          floor.send(*to, text);
        else if (text.size() > to->end - to->begin)
          floor.send(*to, text.substr(0, to->begin), text.substr(to->end));
      }
    }
    for (bench::Client* sender : senders) sender->begin = sender->end = 0;
    senders.clear();
    turn.clear();
  }
}
