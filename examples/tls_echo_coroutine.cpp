// Sends back what it is sent, over TLS: tls_echo_coroutine [PORT [CERTIFICATES KEY]]. Try
// `openssl s_client -connect localhost:8443 -CAfile build/certificate/ca.pem`.

#include <iostream>

#include <parley/tls.h>

using namespace parley;
using namespace std::chrono_literals;

Task<> echo(Stream peer) {  // the same as without
  while (auto data = co_await with_timeout(30s, peer.read())) co_await peer.write(*data);
}

int main(int argc, char** argv) try {
  auto context = tls::Context::server();
  context.load_cert_chain(argc > 3 ? argv[2] : "build/certificate/cert.pem",
                          argc > 3 ? argv[3] : "build/certificate/key.pem");
  ServeSettings settings;
  settings.listening = [](const Address& host) { std::cout << "Listening on " << host << std::endl; };
  run(serve_tls({"", argc > 1 ? std::stoi(argv[1]) : 8443}, context, echo, settings));
} catch (const std::exception& error) {
  std::cerr << "tls_echo_coroutine: " << error.what() << '\n';
  return 1;
}
