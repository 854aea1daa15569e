// Serves in several processes: each child is forked with a copy of the reactor, and they share what it
// listens at. Ctrl-C, or SIGTERM to the parent, ends them all in good order. Try `nc localhost 8000`.

#include <csignal>
#include <iostream>
#include <sys/wait.h>  // for `waitpid`
#include <unistd.h>    // for `fork`
#include <vector>

#include <parley/reactor.h>

using namespace parley;

struct Echo : Protocol {
  void connection_made() override { transport().write(concat("Process ", getpid(), " hears you\n")); }
  void data_received(std::span<char> lent) override { transport().write({lent.data(), lent.size()}); }
};

int main(int argc, char** argv) {
  Reactor reactor;
  auto port =
      reactor.listen_tcp({"", argc > 1 ? std::stoi(argv[1]) : 8000}, [] { return std::make_unique<Echo>(); });
  std::vector<pid_t> children;
  const auto end = [&] {
    for (const pid_t other : children) kill(other, SIGTERM);
    reactor.stop();
  };
  for (const Signal signal : {Signal::interrupt, Signal::terminate}) reactor.on_signal(signal, end);
  std::cout << "Listening on " << port.host() << std::endl;
  pid_t child = 1;
  while (child > 0 && children.size() < 3) {
    child = fork();
    if (child > 0) children.push_back(child);
  }
  if (child == 0) children.clear();
  if (!children.empty()) port.stop_listening();  // it is the children who serve
  reactor.run();
  for (const pid_t other : children) waitpid(other, nullptr, 0);
}
