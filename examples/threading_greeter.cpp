// Asks for a name and greets, everybody on a thread of their own: nobody waits for a slow typist. Threads
// share what the program has, so who is counted together is counted under a lock (or, as here, atomically).

#include <atomic>
#include <cstdlib>
#include <iostream>

#include <parley/socketserver.h>

using namespace parley;

class Greeter : public StreamRequestHandler {
 public:
  explicit Greeter(std::atomic<int>& guests) : guests_(guests) {}

 private:
  void handle() override {
    wfile().write("What is your name? ");
    std::string name = rfile().readline(100);
    while (name.ends_with('\n') || name.ends_with('\r')) name.pop_back();
    wfile().write(concat("Hello ", name, ", you are guest number ", ++guests_, "\n"));
  }

  std::atomic<int>& guests_;
};

int main(int argc, char** argv) {
  std::atomic<int> guests = 0;
  ThreadingTcpServer server({"", argc > 1 ? std::atoi(argv[1]) : 2525},
                            [&] { return std::make_unique<Greeter>(guests); });
  std::cout << "Listening on port " << server.server_address().port() << std::endl;
  server.serve_forever();
}
