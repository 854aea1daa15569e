// Forwards each connection to another server, with two coroutines for its two directions:
// forwarder_coroutine PORT HOST PORT

#include <iostream>

#include <parley/stream.h>

using namespace parley;

Task<> copy(Stream& from, Stream& to) {
  while (auto data = co_await from.read()) co_await to.write(*data);  // waits for a slow reader
  to.shutdown_write();                                                // and the other way stays open
}

Task<> forward(Stream client, Endpoint to) {
  Stream server = co_await connect(to);
  TaskGroup both;
  both.spawn(copy(client, server));
  both.spawn(copy(server, client));
  co_await both.join();  // when one fails, it cancels the other
}

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "forwarder_coroutine PORT HOST PORT\n", 2;
  const Endpoint to(argv[2], std::stoi(argv[3]));
  const auto handle = [to](Stream client) { return forward(std::move(client), to); };
  ServeSettings settings;
  settings.listening = [](const Address& host) {
    std::cout << "Forwarding from port " << host.port() << std::endl;
  };
  run(serve_tcp({"", std::stoi(argv[1])}, handle, settings));
}
