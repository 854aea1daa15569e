// Answers HTTP requests without a body with what their heads say. It looks at what has come, asks for more
// until there is a whole head, and then takes that. Try `curl localhost:8000`.

#include <cstdlib>
#include <iostream>

#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

// What stands before the empty line, or nothing at the end of the input. It is in the stream still.
Task<std::string_view> head_of(Stream& peer) {
  std::string_view seen;
  for (std::size_t end = seen.npos; end == seen.npos; end = seen.find("\r\n\r\n")) {
    const std::size_t before = seen.size();
    seen = co_await peer.fill(before + 1, 8192);  // one more than was seen; LimitExceeded ends this peer
    if (seen.size() == before) co_return std::string_view();
  }
  co_return seen.substr(0, seen.find("\r\n\r\n"));
}

Task<> serve(Stream peer) {
  for (;;) {
    const std::string_view head = co_await with_timeout(30s, head_of(peer));
    if (head.empty()) break;
    peer.consume(head.size() + 4);  // what comes next is the next request; `head` is there until it is read
    const std::string length = std::to_string(head.size() + 2);
    const std::string_view answer[] = {"HTTP/1.1 200 OK\r\nContent-Length: ", length, "\r\n\r\n", head,
                                       "\r\n"};
    co_await peer.writelines(answer);
  }
}

int main(int argc, char** argv) {
  ServeSettings settings;
  settings.listening = [](const Address& host) { std::cout << "Listening on " << host << std::endl; };
  run(serve_tcp({"", argc > 1 ? std::atoi(argv[1]) : 8000}, serve, settings));
}
