// Says hello on two connections at once, and prints the answers as they come: two_connections HOST PORT HOST
// PORT

#include <cstdlib>
#include <iostream>

#include <parley/reactor.h>

using namespace parley;

class Greeter : public LineReceiver {
  void connection_made() override { send_line("Hello, " + concat(peer())); }
  void line_received(std::string_view line) override {
    std::cout << peer() << " answers: " << line << std::endl;
    transport().lose_connection();
  }
};

class Greeters : public ClientFactory {  // one for both connections: it stops when the last of them is over
 public:
  explicit Greeters(Reactor& reactor) : reactor_(reactor) {}

  std::unique_ptr<Protocol> build_protocol(const Address&) override { return std::make_unique<Greeter>(); }
  void client_connection_failed(Connector&, const SocketError& error) override {
    std::cerr << error.what() << '\n';
  }
  void stop_factory() override { reactor_.stop(); }

 private:
  Reactor& reactor_;
};

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "two_connections HOST PORT HOST PORT\n", 2;
  Reactor reactor;
  const auto greeters = std::make_shared<Greeters>(reactor);
  for (int i = 1; i + 1 < argc; i += 2) reactor.connect_tcp({argv[i], std::atoi(argv[i + 1])}, greeters);
  reactor.run();
}
