// One chat room for people with telnet, who get lines, and for programs, which get netstrings.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

class Lines : public Form {
  void encode(std::string_view message, Writer& out) override { print_all(out, message, "\r\n"); }
};

class Netstrings : public Form {
  void encode(std::string_view message, Writer& out) override {
    print_all(out, message.size(), ":", message, ",");
  }
};

// Somebody in the room: `Receiver` cuts what comes, and `form` is how it is told what others say.
template <class Receiver>
class Chatter : public Receiver {
 public:
  Chatter(Group& room, Form& form) : room_(room), form_(form) {}

 protected:
  void connection_made() override {
    room_.add(this->transport(), form_);
    room_.broadcast("joined: ", this->peer());
  }
  void say(std::string_view text) { room_.broadcast(omit(this->transport()), "[", this->peer(), "] ", text); }

 private:
  Group& room_;
  Form& form_;
};

class Person : public Chatter<LineReceiver> {
  using Chatter::Chatter;
  void line_received(std::string_view line) override { say(line); }
};
class Program : public Chatter<NetstringReceiver> {
  using Chatter::Chatter;
  void string_received(std::string_view string) override { say(string); }
};

int main(int argc, char** argv) {
  Lines lines;
  Netstrings netstrings;
  Reactor reactor;
  Group room(reactor);
  const int port = argc > 1 ? std::atoi(argv[1]) : 2626;
  const auto people = reactor.listen_tcp({"", port}, [&] { return std::make_unique<Person>(room, lines); });
  const auto programs = reactor.listen_tcp({"", port == 0 ? 0 : port + 1},
                                           [&] { return std::make_unique<Program>(room, netstrings); });
  std::cout << "people: port " << people.host().port() << ", programs: port " << programs.host().port()
            << std::endl;
  reactor.run();
}
