#pragma once

#include <optional>
#include <string>

#include "parley/base/print.h"
#include "parley/tls/certificate.h"
#include "parley/tls/context.h"

namespace parley::tls {

// What two ends have agreed on in their handshake. A value; it prints: `TLS 1.3, TLS_AES_256_GCM_SHA384, h2`.
struct Details {
  Version version = Version::tls1_3;
  // Its name in the registry: "TLS_AES_256_GCM_SHA384".
  std::string cipher{};
  // The protocol that is spoken above (ALPN); empty: none was agreed on.
  std::string alpn_protocol{};
  // The name that the client has asked for (SNI), or has checked; empty: none.
  std::string server_name{};
  // What the peer has shown; none: nothing. Of a session that was resumed, what it has shown at first.
  std::optional<Certificate> peer_certificate{};
  // Whether an earlier session went on (RFC 8446, section 2.2).
  bool session_reused = false;
};

void print(Writer& out, const Details& details);

}  // namespace parley::tls
