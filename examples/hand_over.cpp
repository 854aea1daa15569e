// A front asks for a name, and hands the connection over to a reactor on another thread, with whatever has
// come so far. Try `nc localhost 8000`.

#include <future>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

struct Served : LineReceiver {  // the name is its first line
  void line_received(std::string_view line) override {
    send_line(name.empty() ? concat("Hello ", name = line) : concat(name, ": ", line));
  }
  std::string name;
};

struct Front : Protocol {
  Front(Reactor& in, Reactor& to) : front(in), back(to) {}
  void connection_made() override { transport().write("What is your name? "); }
  void data_received(std::span<char> lent) override {
    const bool named = came.append(lent.data(), lent.size()).find('\n') != std::string::npos;
    if (!named && came.size() > 1000) return transport().abort_connection();
    if (!named) return;
    front.detach(transport().id(), [&to = back, first = came](Detached detached) {
      detached.received.insert(0, first);
      to.post([&to, detached] { to.adopt(detached, std::make_unique<Served>()); });
    });
  }
  Reactor &front, &back;
  std::string came;
};

int main(int argc, char** argv) {
  std::promise<Reactor*> made;
  auto ended = std::async(std::launch::async, [&made] {
    Reactor reactor;
    made.set_value(&reactor);
    reactor.run();
  });
  Reactor front, &back = *made.get_future().get();
  const auto port = front.listen_tcp({"", argc > 1 ? std::stoi(argv[1]) : 8000},
                                     [&] { return std::make_unique<Front>(front, back); });
  front.on_signal(Signal::interrupt, [&front] { front.stop(); });
  std::cout << "Listening on " << port.host() << std::endl;
  front.run();
  back.stop();
  ended.get();
}
