// Sends back what it is sent, over TLS, in a reactor, and says who has come:
// tls_echo_reactor [PORT [CERTIFICATES KEY]]

#include <iostream>

#include <parley/reactor.h>
#include <parley/tls.h>

using namespace parley;

class Echo : public Protocol {
  void connection_made() override {  // the handshake is done
    std::cout << peer() << ": " << tls::find(transport())->details() << std::endl;
  }
  void data_received(std::span<char> lent) override { transport().write({lent.data(), lent.size()}); }
  void pause_writing() override { transport().pause_reading(); }  // who does not read is not read
  void resume_writing() override { transport().resume_reading(); }
};

int main(int argc, char** argv) try {
  auto context = tls::Context::server();
  context.load_cert_chain(argc > 3 ? argv[2] : "build/certificate/cert.pem",
                          argc > 3 ? argv[3] : "build/certificate/key.pem");
  context.set_handshake_failed([](const tls::Error& error) { std::cout << error.what() << std::endl; });
  Reactor reactor;
  const auto port = reactor.listen_tcp({"", argc > 1 ? std::stoi(argv[1]) : 8443},
                                       [] { return std::make_unique<Echo>(); }, {.wrap = context.wrap()});
  reactor.on_signal(Signal::interrupt, [&reactor] { reactor.stop(); });
  std::cout << "Listening on " << port.host() << std::endl;
  reactor.run();
} catch (const std::exception& error) {
  std::cerr << "tls_echo_reactor: " << error.what() << '\n';
  return 1;
}
