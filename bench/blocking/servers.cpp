// Parley's servers: blocking_servers plain|threading PORT. A line is read, a line is answered.
#include <cstdlib>
#include <string>
#include <string_view>

#include "parley/socketserver.h"

namespace {

struct Answer : parley::StreamRequestHandler {
  void handle() override { wfile().write(rfile().readline(8192)); }
};

}  // namespace

int main(int argc, char** argv) {
  const parley::Address address("127.0.0.1", argc > 2 ? std::atoi(argv[2]) : 0);
  if (argc > 1 && std::string_view(argv[1]) == "threading") {
    parley::ThreadingTcpServer(address, parley::handler<Answer>).serve_forever();
  } else {
    parley::TcpServer(address, parley::handler<Answer>).serve_forever();
  }
}
