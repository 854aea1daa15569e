// Talks to a server: what is typed or piped in goes there, what it says comes out: talk HOST PORT

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

struct End : Protocol {  // `ends` has the names of both: the standard streams', and the server's
  End(Reactor& in, TransportId* both, int mine) : reactor(in), ends(both), side(mine) {}

  bool tell(auto what) {  // the other one, if it is there
    Transport* const other = reactor.find(ends[1 - side]);
    return other != nullptr && (std::invoke(what, *other), true);
  }
  void connection_made() override { ends[side] = transport().id(); }
  void data_received(std::span<char> in) override {
    tell([&](Transport& other) { other.write({in.data(), in.size()}); });
  }
  bool eof_received() override { return side == 0 && tell(&Transport::shutdown_write); }  // it may answer
  void pause_writing() override { tell(&Transport::pause_reading); }
  void resume_writing() override { tell(&Transport::resume_reading); }
  void connection_lost(Reason) override { tell(&Transport::lose_connection) ? void() : reactor.stop(); }

  Reactor& reactor;
  TransportId* ends;
  int side;
};

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "talk HOST PORT\n", 2;
  Reactor reactor;
  TransportId ends[2];
  const auto make = [&](int side) { return std::make_unique<End>(reactor, ends, side); };
  reactor.connect_tcp({argv[1], std::atoi(argv[2])}, [&] { return standard_io(reactor, make(0)), make(1); },
                      {.failed = [&](auto& error) { std::cerr << error.what() << '\n', reactor.stop(); }});
  reactor.run();
}
