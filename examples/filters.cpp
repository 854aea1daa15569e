// An echo of lines, until a client says "loud": from then on a filter stands under the protocol, as TLS does
// after STARTTLS. Below both, what passes is written down, and who is silent for a minute is cut off.

#include <cctype>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;
using namespace std::chrono_literals;

class Loud : public Filter {
  void flush(Output& output) override {
    while (output.size() > 0) {
      std::string text(output.pieces().front());
      for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      output.put(text);
      output.drop(text.size());
    }
  }
};

class Echo : public LineReceiver {
  void line_received(std::string_view line) override {
    send_line(line);
    if (line == "loud") transport().insert(std::make_unique<Loud>(), take_rest());
  }
};

int main(int argc, char** argv) {
  Reactor reactor;
  const Address address("", argc > 1 ? std::stoi(argv[1]) : 2629);
  const Wrap filters = layers(log_traffic(std::cout), idle_timeout(reactor, 1min));
  const auto port = reactor.listen_tcp(address, [] { return std::make_unique<Echo>(); }, {.wrap = filters});
  std::cout << "Echoing at port " << port.host().port() << std::endl;
  reactor.run();
}
