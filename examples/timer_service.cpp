// A program made of services: a clock that ticks, and a server that says how often it has. It runs until
// SIGINT or SIGTERM.

#include <cstdlib>
#include <iostream>
#include <string>

#include <parley/service.h>

using namespace parley;
using namespace std::chrono_literals;

class Count : public Protocol {
 public:
  explicit Count(const int& ticks) : ticks_(ticks) {}

 private:
  void connection_made() override {
    transport().write(std::to_string(ticks_) + "\n");
    transport().lose_connection();
  }
  void data_received(std::span<char>) override {}

  const int& ticks_;
};

int main(int argc, char** argv) {
  int ticks = 0;
  Reactor reactor;
  Application application(reactor, {.name = "timer_service", .pid_file = argc > 2 ? argv[2] : ""});
  const auto& server = application.add<ServerService>(reactor, argc > 1 ? argv[1] : "tcp:8000",
                                                      [&] { return std::make_unique<Count>(ticks); });
  application.add<TimerService>(reactor, 100ms, [&] {
    if (++ticks == 1) std::cout << "Ticking, and telling at " << server.host() << std::endl;
  });
  application.run();
  std::cout << "Stopped" << std::endl;
}
