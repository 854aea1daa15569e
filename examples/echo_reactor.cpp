// Sends back what it is sent, to everybody who connects, in a reactor. Try `nc localhost 8000`.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

class Echo : public Protocol {
  void data_received(std::span<char> lent) override { transport().write({lent.data(), lent.size()}); }
  void pause_writing() override { transport().pause_reading(); }  // who does not read is not read
  void resume_writing() override { transport().resume_reading(); }
};

int main(int argc, char** argv) try {
  Reactor reactor;
  const auto port =
      reactor.listen_tcp({"", argc > 1 ? std::atoi(argv[1]) : 8000}, [] { return std::make_unique<Echo>(); });
  reactor.on_signal(Signal::interrupt, [&reactor] { reactor.stop(); });
  std::cout << "Listening on " << port.host() << std::endl;
  reactor.run();
} catch (const std::exception& error) {
  std::cerr << "echo_reactor: " << error.what() << '\n';
  return 1;
}
