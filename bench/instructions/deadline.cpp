// Echo with Parley's coroutines, and a deadline at each read.
#include <chrono>
#include <cstdlib>

#include "parley/stream.h"

namespace {

parley::Task<> echo(parley::Stream peer) {
  while (auto data = co_await parley::with_timeout(std::chrono::minutes(1), peer.read())) {
    co_await peer.write(*data);
  }
}

}  // namespace

int main(int argc, char** argv) {
  parley::run(parley::serve_tcp({"127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 0}, echo));
}
