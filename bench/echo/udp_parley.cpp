// Echo of datagrams as a DatagramProtocol. udp_parley PORT
#include <cstdlib>
#include <memory>

#include <parley/reactor.h>

using namespace parley;

namespace {

class Echo : public DatagramProtocol {
  void datagram_received(std::span<char> lent, const Address& peer) override {
    transport().write({lent.data(), lent.size()}, peer);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Reactor reactor;
  reactor.listen_udp({"127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0}, std::make_unique<Echo>());
  reactor.run();
}
