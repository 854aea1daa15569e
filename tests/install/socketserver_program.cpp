#include <iostream>

#include <parley/socketserver.h>

struct Hello : parley::StreamRequestHandler {
  void handle() override { wfile().write("Hello World!\n"); }
};

int main() {
  parley::ThreadingTcpServer server({"127.0.0.1", 0}, parley::handler<Hello>);
  std::cout << "socketserver: listening at " << server.server_address() << '\n';
}
