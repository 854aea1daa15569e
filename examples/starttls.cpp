// A line protocol that begins in clear; SECRET asks what nobody else may hear: starttls PORT CERTIFICATES KEY

#include <iostream>

#include <parley/reactor.h>
#include <parley/tls.h>

using namespace parley;

class Session : public LineReceiver {
 public:
  explicit Session(const tls::Context& context) : context_(context) {}

 private:
  void connection_made() override { send_line("STARTTLS is spoken here"); }
  void line_received(std::string_view line) override {
    const bool secure = tls::find(transport()) != nullptr;
    if (line == "STARTTLS" && !secure) {
      send_line("go ahead");  // in clear still
      take_rest();            // what came behind the line was in clear, too: it is dropped
      transport().insert(std::make_unique<tls::Filter>(context_), {});
    } else if (line == "SECRET") {
      send_line(secure ? "the door is open" : "not in clear: STARTTLS first");
    } else {
      send_line("what?");
    }
  }
  const tls::Context& context_;
};

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "starttls PORT CERTIFICATES KEY\n", 2;
  auto context = tls::Context::server();
  context.load_cert_chain(argv[2], argv[3]);
  Reactor reactor;
  const auto session = [&] { return std::make_unique<Session>(context); };
  std::cout << "Listening on " << reactor.listen_tcp({"", std::stoi(argv[1])}, session).host() << std::endl;
  reactor.run();
}
