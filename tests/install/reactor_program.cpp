#include <iostream>

#include <parley/reactor.h>

int main() {
  parley::Reactor reactor;
  const auto port = reactor.listen_tcp({"127.0.0.1", 0}, [] { return std::make_unique<parley::Protocol>(); });
  reactor.post([&] { std::cout << "reactor: listening at " << port.host() << '\n', reactor.stop(); });
  reactor.run();
}
