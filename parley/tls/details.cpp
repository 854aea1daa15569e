#include "parley/tls/details.h"

#include "parley/tls/certificates.h"
#include "parley/tls/engine.h"
#include "parley/tls/openssl.h"

namespace parley::tls {

Details details_of(const Engine& engine) {
  Details details;
  if (engine.is_shaking()) return details;
  const SSL& ssl = engine.ssl();
  details.version = SSL_version(&ssl) == TLS1_2_VERSION ? Version::tls1_2 : Version::tls1_3;
  if (const SSL_CIPHER* const cipher = SSL_get_current_cipher(&ssl)) {
    details.cipher = SSL_CIPHER_standard_name(cipher);
  }
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(&ssl, &protocol, &size);
  if (size != 0) details.alpn_protocol.assign(reinterpret_cast<const char*>(protocol), size);
  details.server_name = engine.server_name();
  if (const X509* const certificate = SSL_get0_peer_certificate(&ssl)) {
    details.peer_certificate = read_certificate(*certificate);
  }
  details.session_reused = SSL_session_reused(&ssl) == 1;
  return details;
}

void print(Writer& out, const Details& details) {
  print_all(out, details.version, ", ", details.cipher);
  if (!details.alpn_protocol.empty()) print_all(out, ", ", details.alpn_protocol);
  if (details.session_reused) out.put(", resumed");
}

}  // namespace parley::tls
