#include <iostream>

#include <parley/reactor.h>

struct Echo : parley::LineReceiver {
  void line_received(std::string_view line) override { send_line(line); }
};

int main() {
  parley::Reactor reactor;
  const auto port = reactor.listen_tcp({"127.0.0.1", 0}, [] { return std::make_unique<Echo>(); });
  reactor.post([&] { std::cout << "reactor: listening at " << port.host() << '\n', reactor.stop(); });
  reactor.run();
}
