// Sends back what it is sent, as a coroutine for each connection: who says nothing for 30 s is disconnected.
// Try `nc localhost 8000`.

#include <cstdlib>
#include <iostream>

#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

Task<> echo(Stream peer) {
  while (auto data =
             co_await with_timeout(30s, peer.read()))  // empty at the end; Timeout ends this peer alone
    co_await peer.write(*data);                        // returns when there is room again
}

int main(int argc, char** argv) try {
  ServeSettings settings;
  settings.listening = [](const Address& host) { std::cout << "Listening on " << host << std::endl; };
  run(serve_tcp({"", argc > 1 ? std::atoi(argv[1]) : 8000}, echo, settings));
} catch (const std::exception& error) {
  std::cerr << "echo_coroutine: " << error.what() << '\n';
  return 1;
}
