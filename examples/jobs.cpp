// Does what lines ask for, one after another, however many clients there are: protocols put jobs into a
// queue, from which a task takes them. Try `seq 5 | nc localhost 8000`.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>
#include <parley/stream.h>

using namespace parley;
using namespace std::chrono_literals;

using Job = std::pair<TransportId, std::string>;

struct Asking : LineReceiver {
  explicit Asking(Queue<Job>& queue) : jobs(queue) {}
  void line_received(std::string_view line) override {
    if (!jobs.try_put(Job(transport().id(), line))) send_line("too busy");
  }
  Queue<Job>& jobs;
};

Task<> work(Queue<Job>& jobs) {
  while (auto job = co_await jobs.get()) {
    co_await sleep(100ms);  // as if it were work
    Transport* const client = current_reactor().find(job->first);
    if (client) client->write(job->second + " is done\r\n");
  }
}

int main(int argc, char** argv) {
  Reactor reactor;
  Queue<Job> jobs(100);
  const auto port = reactor.listen_tcp({"", argc > 1 ? std::atoi(argv[1]) : 8000},
                                       [&] { return std::make_unique<Asking>(jobs); });
  std::cout << "Listening on " << port.host() << std::endl;
  run(reactor, work(jobs));
}
