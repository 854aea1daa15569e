// Forwards each connection to another server, no faster than either end reads: forwarder PORT HOST PORT

#include <iostream>

#include <parley/reactor.h>

using namespace parley;

struct End : Protocol {  // `ends` has the names of both: the client's, and the server's
  End(Reactor& in, std::shared_ptr<TransportId[]> both, int mine) : reactor(in), ends(both), side(mine) {}

  bool tell(auto what) {  // the other one, if it is there
    Transport* const other = reactor.find(ends[1 - side]);
    return other != nullptr && (std::invoke(what, *other), true);
  }
  void connection_made() override {
    ends[side] = transport().id();
    if (side == 0) return transport().pause_reading();  // until there is a server
    if (!tell(&Transport::resume_reading)) transport().lose_connection();
  }
  void data_received(std::span<char> in) override {
    tell([&](Transport& other) { other.write({in.data(), in.size()}); });
  }
  bool eof_received() override { return tell(&Transport::shutdown_write); }  // and the other way stays open
  void pause_writing() override { tell(&Transport::pause_reading); }
  void resume_writing() override { tell(&Transport::resume_reading); }
  void connection_lost(Reason) override { tell(&Transport::lose_connection); }

  Reactor& reactor;
  std::shared_ptr<TransportId[]> ends;
  int side;
};

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "forwarder PORT HOST PORT\n", 2;
  Reactor reactor;
  const auto port = reactor.listen_tcp({"", std::stoi(argv[1])}, [&] {
    const auto ends = std::make_shared<TransportId[]>(2);
    const auto refused = [=, &reactor](const SocketError& error) {
      std::cerr << error.what() << std::endl;
      End(reactor, ends, 1).tell(&Transport::lose_connection);
    };
    reactor.connect_tcp({argv[2], std::stoi(argv[3])},
                        [=, &reactor] { return std::make_unique<End>(reactor, ends, 1); },
                        {.failed = refused});
    return std::make_unique<End>(reactor, ends, 0);
  });
  std::cout << "Forwarding from port " << port.host().port() << std::endl;
  reactor.run();
}
