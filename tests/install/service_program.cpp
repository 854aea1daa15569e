#include <iostream>
#include <memory>

#include <parley/service.h>

int main() {
  parley::Reactor reactor;
  const auto port = parley::listen(reactor, "tcp:0:interface=127.0.0.1",
                                   [] { return std::unique_ptr<parley::Protocol>(); });
  std::cout << "service: listening at " << port.host() << '\n';
}
