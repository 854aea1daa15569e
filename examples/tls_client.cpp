// Shows whom it talks to, and what that says to a line: tls_client HOST PORT [LINE [AUTHORITIES]]

#include <iostream>

#include <parley/tls.h>

using namespace parley;
using namespace std::chrono_literals;

Task<> ask(Endpoint to, std::string line, std::string authorities) {
  auto context = tls::Context::client();  // trusts whom the system trusts, and these
  if (!authorities.empty()) context.load_verify_locations(authorities);
  Stream server = co_await connect_tls(to, context);
  if (const auto agreed = tls::details(server)) {
    std::cout << *agreed << '\n' << agreed->peer_certificate.value() << std::endl;
  }
  co_await server.write(line + "\r\n\r\n");
  server.shutdown_write();
  while (auto data = co_await with_timeout(10s, server.read())) std::cout << *data << std::flush;
}

int main(int argc, char** argv) try {
  if (argc < 3) return std::cerr << "tls_client HOST PORT [LINE [AUTHORITIES]]\n", 2;
  run(ask({argv[1], std::stoi(argv[2])}, argc > 3 ? argv[3] : "GET / HTTP/1.0", argc > 4 ? argv[4] : ""));
} catch (const std::exception& error) {
  std::cerr << "tls_client: " << error.what() << '\n';
  return 1;
}
