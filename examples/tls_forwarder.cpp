// Speaks TLS in front of a server that does not: tls_forwarder PORT HOST PORT [CERTIFICATES KEY]

#include <iostream>

#include <parley/tls.h>

using namespace parley;

Task<> copy(Stream& from, Stream& to) {
  while (auto data = co_await from.read()) co_await to.write(*data);
  to.shutdown_write();  // over TLS: close_notify
}

Task<> forward(Stream client, Endpoint to) {
  Stream server = co_await connect(to);
  TaskGroup both;
  both.spawn(copy(client, server));
  both.spawn(copy(server, client));
  co_await both.join();
}

int main(int argc, char** argv) try {
  if (argc < 4) return std::cerr << "tls_forwarder PORT HOST PORT [CERTIFICATES KEY]\n", 2;
  auto context = tls::Context::server();
  context.load_cert_chain(argc > 5 ? argv[4] : "build/certificate/cert.pem",
                          argc > 5 ? argv[5] : "build/certificate/key.pem");
  const Endpoint to(argv[2], std::stoi(argv[3]));
  const auto handle = [to](Stream client) { return forward(std::move(client), to); };
  ServeSettings settings;
  settings.listening = [](const Address& host) { std::cout << "Forwarding from " << host << std::endl; };
  run(serve_tls({"", std::stoi(argv[1])}, context, handle, settings));
} catch (const std::exception& error) {
  std::cerr << "tls_forwarder: " << error.what() << '\n';
  return 1;
}
