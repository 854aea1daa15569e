// Sends a file to whoever connects, with its length before it, and closes. However slow they are, the file is
// read by the kernel alone. Try `send_file README.md` and `nc localhost 8000`.

#include <iostream>

#include <parley/reactor.h>

using namespace parley;

struct Sender : Protocol {
  explicit Sender(OpenFile opened) : file(std::move(opened)) {}
  void connection_made() override {
    transport().write(concat(file.size(), "\n"));
    transport().send_file(file);
    transport().lose_connection();
  }
  void data_received(std::span<char>) override {}
  OpenFile file;
};

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "send_file FILE [PORT]\n";
    return 2;
  }
  try {
    const OpenFile file(argv[1]);
    Reactor reactor;
    const auto port = reactor.listen_tcp({"", argc > 2 ? std::stoi(argv[2]) : 8000},
                                         [&] { return std::make_unique<Sender>(file); });
    reactor.on_signal(Signal::interrupt, [&reactor] { reactor.stop(); });
    std::cout << "Listening on " << port.host() << std::endl;
    reactor.run();
  } catch (const SocketError& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
