#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "parley/socket/error.h"

namespace parley::tls {

// What can go wrong that TLS itself has no number for. These are error codes, of `category`:
// `error.code() == tls::Failure::truncated`.
enum class Failure {
  // What came is not TLS: the peer speaks in clear, or something else.
  not_tls = 1,
  // The connection ended without close_notify (RFC 8446, section 6.1): somebody may have cut it. Python's
  // SSLEOFError.
  truncated,
  // It ended before the handshake had.
  closed_in_handshake,
  // The peer sent more messages of TLS itself without any data than are allowed: `Context::control_messages`.
  too_many_messages,
  // A context has no certificate to serve with.
  no_certificate,
  // Something has come in clear behind the line that asks for TLS, before that began.
  cleartext,
};

// Errors of TLS. A code is a Failure; or what is wrong with the peer's certificate
// (`is_certificate_error`); or what the peer has refused us for, an alert (`is_alert`); or one of OpenSSL's
// reasons. Each has a text.
const std::error_category& category();

inline std::error_code make_error_code(Failure failure) {
  return {static_cast<int>(failure), category()};
}

// Whether this end has refused the peer's certificate.
bool is_certificate_error(std::error_code error);
// Whether the peer has refused us, by an alert (RFC 8446, section 6.2): a certificate, a version ...
bool is_alert(std::error_code error);

// TLS has failed: Python's SSLError. `what()` says with whom, and why.
class Error : public SocketError {
 public:
  // `detail` may be empty: what is known beyond the code's text.
  Error(std::string_view operation, std::string_view where, std::error_code reason,
        std::string_view detail = {});
  // The same error, of a connector say, as what it is.
  explicit Error(const SocketError& error);
};

// The peer's certificate was refused: Python's SSLCertVerificationError. `what()` says which certificate of
// the chain, and why: `TLS handshake with example.org: certificate refused: hostname mismatch (it is for
// www.example.net, not for example.org)`.
class CertificateError : public Error {
 public:
  using Error::Error;
};

namespace detail {

// Throws CertificateError or Error, as the reason is.
[[noreturn]] void fail(std::string_view operation, std::string_view where, std::error_code reason,
                       std::string_view detail = {});
// The same, to be kept.
std::shared_ptr<const Error> error(std::string_view operation, std::string_view where, std::error_code reason,
                                   std::string_view detail = {});

// The code for an X509_V_ERR of OpenSSL's; and that for what its queue of errors of this thread holds, which
// is empty afterwards.
std::error_code certificate_error(long verify_result);
std::error_code take_error();
// The text of the last error in the queue, and where it came from: for files that cannot be read. The queue
// is empty afterwards.
std::string take_error_text();

}  // namespace detail

}  // namespace parley::tls

template <>
struct std::is_error_code_enum<parley::tls::Failure> : std::true_type {};
