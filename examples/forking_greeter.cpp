// Asks for a name and greets, everybody in a process of their own. Each is a copy of this one as it was when
// the guest came: what it counts, it counts for itself, and everybody is guest number 1.

#include <cstdlib>
#include <iostream>

#include <parley/socketserver.h>

using namespace parley;

class Greeter : public StreamRequestHandler {
 public:
  explicit Greeter(int& guests) : guests_(guests) {}

 private:
  void handle() override {
    wfile().write("What is your name? ");
    std::string name = rfile().readline(100);
    while (name.ends_with('\n') || name.ends_with('\r')) name.pop_back();
    wfile().write(concat("Hello ", name, ", you are guest number ", ++guests_, "\n"));
  }

  int& guests_;
};

int main(int argc, char** argv) {
  int guests = 0;
  ForkingTcpServer server({"", argc > 1 ? std::atoi(argv[1]) : 2525},
                          [&] { return std::make_unique<Greeter>(guests); });
  std::cout << "Listening on port " << server.server_address().port() << std::endl;
  server.serve_forever();
}
