#pragma once

// Private to parley/tls: certificates as OpenSSL has them.

#include <string>

#include "parley/tls/certificate.h"
#include "parley/tls/openssl.h"

namespace parley::tls {

// What a certificate says. Throws std::invalid_argument where it cannot be encoded.
Certificate read_certificate(const X509& x509);

// The hosts and addresses that it is for, in one line; empty: none.
std::string names_of(const Certificate& certificate);

}  // namespace parley::tls
