// Echo with Parley's protocols.
#include <cstdlib>
#include <memory>

#include "parley/reactor.h"

namespace {

struct Echo : parley::Protocol {
  void data_received(std::span<char> lent) override { transport().write({lent.data(), lent.size()}); }
};

}  // namespace

int main(int argc, char** argv) {
  parley::Reactor reactor;
  reactor.listen_tcp({"127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0},
                     [] { return std::make_unique<Echo>(); });
  reactor.run();
}
