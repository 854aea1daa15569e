// For handshakes_test.py: a handshake of both ends for each line of standard input, which names a chain, its
// key, the authorities and the host that the client reaches for. Prints the number with which the client has
// refused it (X509_V_ERR), or 0.

#include <iostream>
#include <string>

#include "parley/tls/context.h"
#include "parley/tls/context_state.h"
#include "parley/tls/engine.h"

using namespace parley;

namespace {

void pass(tls::Engine& from, tls::Engine& to) {
  const std::string bytes(from.pending());
  from.clear_pending();
  to.feed(bytes);
  to.handshake();
  to.feed({});
}

int refusal(const std::string& chain, const std::string& key, const std::string& roots,
            const std::string& host) {
  auto server = tls::Context::server();
  server.set_ciphers("ALL:@SECLEVEL=0");  // it is the client that is to refuse what is weak
  server.load_cert_chain(chain, key);
  auto client = tls::Context::client();
  client.load_verify_locations(roots);
  tls::Engine here(tls::ContextState::shared(client), tls::checked_host(host));
  tls::Engine there(tls::ContextState::shared(server), {});
  here.handshake();
  for (int i = 0; i < 4 && here.is_shaking(); ++i) {
    pass(here, there);
    pass(there, here);
  }
  if (!here.is_shaking()) return 0;
  if (tls::is_certificate_error(here.error()))
    return here.error().value() - tls::detail::certificate_error(0).value();
  std::cerr << chain << ": " << here.error().message() << " / " << there.error().message() << '\n';
  return -1;
}

}  // namespace

int main() try {
  std::string chain;
  std::string key;
  std::string roots;
  std::string host;
  while (std::cin >> chain >> key >> roots >> host)
    std::cout << refusal(chain, key, roots, host) << std::endl;
} catch (const std::exception& error) {
  std::cerr << "handshakes: " << error.what() << '\n';
  return 1;
}
