#include "parley/tls/error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "parley/base/print.h"

namespace parley::tls {

namespace {

// OpenSSL's reasons of SSL begin at 100; from 1000 on they are the alerts that came from the peer.
constexpr int first_reason = 100;
constexpr int first_alert = SSL_AD_REASON_OFFSET;
constexpr int after_alerts = first_alert + 256;
constexpr int first_certificate = 10000;  // X509_V_ERR

std::string failure_text(Failure failure) {
  switch (failure) {
    case Failure::not_tls:
      return "the peer does not speak TLS";
    case Failure::truncated:
      return "the connection ended without close_notify: what came may be cut off";
    case Failure::closed_in_handshake:
      return "the peer closed the connection during the handshake";
    case Failure::too_many_messages:
      return "too many messages of the protocol without any data";
    case Failure::cleartext:
      return "something came in clear behind the request for TLS";
    case Failure::no_certificate:
      return "there is no certificate to serve with (load_cert_chain)";
  }
  return "unknown failure";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int code) const override {
    if (code >= first_certificate) {
      return concat("certificate refused: ", X509_verify_cert_error_string(code - first_certificate));
    }
    if (code >= first_alert && code < after_alerts) {
      return concat("refused by the peer: ", SSL_alert_desc_string_long(code - first_alert), " (alert ",
                    code - first_alert, ')');
    }
    if (code >= first_reason) {
      const char* const text =
          ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, static_cast<unsigned long>(code)));
      return text == nullptr ? concat("error ", code, " of OpenSSL") : std::string(text);
    }
    return failure_text(static_cast<Failure>(code));
  }
};

}  // namespace

const std::error_category& category() {
  static const Category category;
  return category;
}

bool is_certificate_error(std::error_code error) {
  return error.category() == category() && error.value() >= first_certificate;
}

bool is_alert(std::error_code error) {
  return error.category() == category() && error.value() >= first_alert && error.value() < after_alerts;
}

Error::Error(std::string_view operation, std::string_view where, std::error_code reason,
             std::string_view detail)
    : SocketError(operation, where, reason, detail) {}

Error::Error(const SocketError& error) : SocketError(error.code(), Worded{error.what()}) {}

namespace detail {

void fail(std::string_view operation, std::string_view where, std::error_code reason,
          std::string_view detail) {
  if (is_certificate_error(reason)) throw CertificateError(operation, where, reason, detail);
  throw Error(operation, where, reason, detail);
}

std::shared_ptr<const Error> error(std::string_view operation, std::string_view where, std::error_code reason,
                                   std::string_view detail) {
  if (is_certificate_error(reason)) {
    return std::make_shared<CertificateError>(operation, where, reason, detail);
  }
  return std::make_shared<Error>(operation, where, reason, detail);
}

std::error_code certificate_error(long verify_result) {
  return {first_certificate + static_cast<int>(verify_result), category()};
}

std::error_code take_error() {
  // The first is the cause; those behind it say what failed because of it. Parts below SSL leave their own in
  // between, also of what was tried in vain (a folder of authorities that is not there).
  const unsigned long first = ERR_get_error();
  unsigned long code = first;
  while (code != 0 && ERR_GET_LIB(code) != ERR_LIB_SSL) code = ERR_get_error();
  if (code == 0) code = first;
  ERR_clear_error();
  // Those that all parts have in common are no numbers of SSL's.
  if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) return std::make_error_code(std::errc::not_enough_memory);
  if ((ERR_GET_REASON(code) & ERR_RFLAG_COMMON) != 0) return {SSL_R_BAD_HANDSHAKE_STATE, category()};
  if (ERR_SYSTEM_ERROR(code)) return {ERR_GET_REASON(code), std::system_category()};
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) return {ERR_GET_REASON(code), category()};
  // Of another part of the library (a signature that is wrong, a key that is broken): the handshake failed.
  return {SSL_R_BAD_HANDSHAKE_STATE, category()};
}

std::string take_error_text() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  std::string text = ERR_SYSTEM_ERROR(code) ? std::system_category().message(ERR_GET_REASON(code))
                     : reason == nullptr    ? concat("error ", code, " of OpenSSL")
                                            : std::string(reason);
  ERR_clear_error();
  return text;
}

}  // namespace detail

}  // namespace parley::tls
