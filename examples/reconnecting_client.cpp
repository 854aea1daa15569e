// Prints each line that a server says, and connects again when it goes: reconnecting_client HOST PORT

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;
using namespace std::chrono_literals;

class Listening : public LineReceiver {
  void line_received(std::string_view line) override { std::cout << line << std::endl; }
};

class Clients : public ReconnectingClientFactory {
 public:
  Clients() : ReconnectingClientFactory({.initial = 100ms, .most = 10s}) {}

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override {
    std::cout << "Connected to " << peer << std::endl;
    reset_delay();  // the next wait is short again
    return std::make_unique<Listening>();
  }
  void client_connection_failed(Connector& connector, const SocketError& error) override {
    std::cout << "Failed: " << error.what() << std::endl;
    ReconnectingClientFactory::client_connection_failed(connector, error);
  }
  void client_connection_lost(Connector& connector, Reason reason) override {
    std::cout << "Lost: " << reason << std::endl;
    ReconnectingClientFactory::client_connection_lost(connector, reason);
  }
};

int main(int argc, char** argv) {
  Reactor reactor;
  reactor.connect_tcp({argc > 1 ? argv[1] : "localhost", argc > 2 ? std::atoi(argv[2]) : 2626},
                      std::make_shared<Clients>());
  reactor.run();
}
