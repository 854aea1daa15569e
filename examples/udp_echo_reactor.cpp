// Sends each datagram back to whom it came from, in a reactor. Try `nc -u localhost 8000`.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

class Echo : public DatagramProtocol {
  void start_protocol() override { std::cout << "Listening on " << transport().host() << std::endl; }
  void datagram_received(std::span<char> lent, const Address& peer) override {
    std::cout << peer << " sent " << lent.size() << " bytes" << std::endl;
    transport().write({lent.data(), lent.size()}, peer);
  }
  void error_received(const SocketError& error) override { std::cout << error.what() << std::endl; }
};

int main(int argc, char** argv) try {
  Reactor reactor;
  reactor.listen_udp({"", argc > 1 ? std::atoi(argv[1]) : 8000}, std::make_unique<Echo>());
  reactor.run();
} catch (const std::exception& error) {
  std::cerr << "udp_echo_reactor: " << error.what() << '\n';
  return 1;
}
