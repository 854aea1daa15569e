#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "parley/base/print.h"
#include "parley/socket/address.h"

namespace parley::tls {

// A certificate (X.509, RFC 5280): what it says, read once. A value. Nothing here says whether it is to be
// trusted: a context checks that in the handshake.
struct Certificate {
  // Reads one in DER, or the first of a PEM text. Throws std::invalid_argument for what is none.
  static Certificate from_der(std::string_view der);
  static Certificate from_pem(std::string_view pem);

  // Whom it is about, and who has signed it, as RFC 2253 writes names: `CN=example.org,O=Example,C=NL`.
  std::string subject;
  std::string issuer;
  // The last common name (CN) of the subject; empty: none. Nobody is known by it any more (RFC 9525, section
  // 2).
  std::string common_name;
  // The names of the subject (subjectAltName): hosts, which may begin with `*.`, as they are written there;
  // addresses, with port 0; addresses of mail.
  std::vector<std::string> host_names;
  std::vector<Address> addresses;
  std::vector<std::string> mail_addresses;
  // Hexadecimal, as openssl prints it.
  std::string serial_number;
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  // SHA-256 of `der`, 64 hexadecimal digits.
  std::string fingerprint;
  // The certificate itself: DER.
  std::string der;

  std::string pem() const;
  bool valid_at(std::chrono::sys_seconds time) const { return not_before <= time && time <= not_after; }

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.der == b.der; }
};

// `CN=example.org (example.org, www.example.org), issued by CN=Example CA, valid from 2026-01-01 to
// 2026-04-01, SHA-256 0123...`
void print(Writer& out, const Certificate& certificate);

}  // namespace parley::tls
