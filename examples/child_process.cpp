// Pipes its stdin through another program, no faster than that reads: child_process sort -r

#include <array>
#include <iostream>
#include <unistd.h>  // for `read`

#include <parley/reactor.h>

using namespace parley;

struct Child : ProcessProtocol {
  explicit Child(Reactor& reactor) : reactor_(reactor) {
    stdin_ = reactor.watch(STDIN_FILENO, Interest::read, [this](Interest) {
      std::array<char, 4096> typed;
      const auto size = read(STDIN_FILENO, typed.data(), typed.size());
      if (size > 0) return transport().write({typed.data(), static_cast<std::size_t>(size)});
      stdin_.stop();
      transport().close_stdin();
    });
  }
  void pause_writing() override { stdin_.change(Interest::none); }
  void resume_writing() override { stdin_.change(Interest::read); }
  void in_ended() override { stdin_.stop(); }
  void out_received(std::span<char> lent) override { std::cout.write(lent.data(), std::ssize(lent)).flush(); }
  void process_ended(const ProcessStatus& status) override {
    std::cerr << status << std::endl;
    reactor_.stop();
  }

  Reactor& reactor_;
  Watching stdin_;
};

int main(int argc, char** argv) {
  Reactor reactor;
  spawn_process(reactor, std::make_unique<Child>(reactor), {argv + 1, argv + argc},
                {.error = ChildStream::inherit});
  reactor.run();
}
