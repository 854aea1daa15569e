// Greets everybody who comes. Try `telnet localhost 2525`.

#include <cstdlib>
#include <iostream>

#include <parley/socketserver.h>

struct Hello : parley::StreamRequestHandler {
  void handle() override { wfile().write("Hello World!\n"); }
};

int main(int argc, char** argv) {
  parley::TcpServer server({"", argc > 1 ? std::atoi(argv[1]) : 2525}, parley::handler<Hello>);
  std::cout << "Listening on port " << server.server_address().port() << std::endl;
  server.serve_forever();
}
