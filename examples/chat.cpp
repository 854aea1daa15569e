// A chat that people can telnet into: who joined, who said what, who left.

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

class Chatter : public LineReceiver {
 public:
  explicit Chatter(Group& room) : room_(room) {}

 private:
  void connection_made() override {
    send_line("You're connected to the Parley chatserver");
    room_.add(transport());  // leaves by itself when the connection is lost
    tell("Client joined ", peer());
  }
  void line_received(std::string_view line) override { tell("[", peer(), "] ", line); }
  void connection_lost(Reason) override { tell("Client left ", peer()); }

  void tell(const auto&... parts) {  // to everybody but this one, and to our own stdout
    room_.broadcast(omit(transport()), parts..., "\r\n");
    (std::cout << ... << parts) << '\n';
  }

  Group& room_;
};

class ChatServer {
 public:
  explicit ChatServer(int port) {
    const auto listening =
        reactor_.listen_tcp({"", port}, [this] { return std::make_unique<Chatter>(room_); });
    std::cout << "ChatServer started on port " << listening.host().port() << std::endl;
  }
  void run() { reactor_.run(); }

 private:
  Reactor reactor_;
  Group room_{reactor_};
};

int main(int argc, char** argv) {
  ChatServer(argc > 1 ? std::atoi(argv[1]) : 2626).run();
}
