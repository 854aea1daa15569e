#include "parley/tls/certificate.h"

#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <optional>
#include <stdexcept>

#include "parley/socket/family.h"
#include "parley/tls/certificates.h"
#include "parley/tls/openssl.h"

namespace parley::tls {

namespace {

std::string take_text(BIO* bio) {
  char* begin = nullptr;
  const long size = BIO_get_mem_data(bio, &begin);
  return size > 0 ? std::string(begin, static_cast<std::size_t>(size)) : std::string();
}

std::string hexadecimal(const unsigned char* bytes, std::size_t count) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::string name_text(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  // Text beyond ASCII is written as it is, in UTF-8; what a terminal would act upon is escaped.
  if (bio == nullptr || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
    return {};
  }
  return take_text(bio.get());
}

std::string common_name_of(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  int at = -1;
  for (int next = -1; (next = X509_NAME_get_index_by_NID(subject, NID_commonName, next)) >= 0;) at = next;
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::optional<Address> address_of(std::string_view bytes) {
  if (bytes.size() == 4) return Address(inet_ntop(Family::inet, bytes), 0);
  if (bytes.size() == 16) return Address(inet_ntop(Family::inet6, bytes), 0);
  return std::nullopt;
}

void read_names(const X509* x509, Certificate& into) {
  struct FreeNames {
    void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
  };
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
    switch (name.type) {
      case GEN_DNS:
        into.host_names.emplace_back(text_of(name.d.dNSName));
        break;
      case GEN_EMAIL:
        into.mail_addresses.emplace_back(text_of(name.d.rfc822Name));
        break;
      case GEN_IPADD:
        if (const auto address = address_of(text_of(name.d.iPAddress))) into.addresses.push_back(*address);
        break;
      default:
        break;
    }
  }
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  const std::chrono::year_month_day day(std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  return std::chrono::sys_days(day) + std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) +
         std::chrono::seconds(parts.tm_sec);
}

std::string serial_of(const X509* x509) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || i2a_ASN1_INTEGER(bio.get(), X509_get0_serialNumber(x509)) < 0) return {};
  return take_text(bio.get());
}

void put_day(Writer& out, std::chrono::sys_seconds time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  const auto two_digits = [&](unsigned number) { print_all(out, number < 10 ? "-0" : "-", number); };
  print_all(out, static_cast<int>(day.year()));
  two_digits(static_cast<unsigned>(day.month()));
  two_digits(static_cast<unsigned>(day.day()));
}

}  // namespace

Certificate read_certificate(const X509& x509) {
  Certificate read;
  unsigned char* der = nullptr;
  const int size = i2d_X509(&x509, &der);
  if (size <= 0) throw std::invalid_argument("certificate: it cannot be encoded");
  read.der.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  read.subject = name_text(X509_get_subject_name(&x509));
  read.issuer = name_text(X509_get_issuer_name(&x509));
  read.common_name = common_name_of(&x509);
  read_names(&x509, read);
  read.serial_number = serial_of(&x509);
  read.not_before = time_of(X509_get0_notBefore(&x509));
  read.not_after = time_of(X509_get0_notAfter(&x509));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  if (X509_digest(&x509, EVP_sha256(), digest, &digest_size) == 1) {
    read.fingerprint = hexadecimal(digest, digest_size);
  }
  return read;
}

Certificate Certificate::from_der(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const X509Ptr x509(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  ERR_clear_error();
  if (x509 == nullptr) throw std::invalid_argument("certificate: this is none in DER");
  return read_certificate(*x509);
}

Certificate Certificate::from_pem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Ptr x509(bio == nullptr ? nullptr : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (x509 == nullptr) throw std::invalid_argument("certificate: there is none in this PEM text");
  return read_certificate(*x509);
}

std::string Certificate::pem() const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const X509Ptr x509(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (x509 == nullptr || bio == nullptr || PEM_write_bio_X509(bio.get(), x509.get()) != 1) {
    throw std::invalid_argument("certificate: there is none");
  }
  return take_text(bio.get());
}

std::string names_of(const Certificate& certificate) {
  std::string names;
  const auto add = [&](std::string_view name) { names += (names.empty() ? "" : ", ") + std::string(name); };
  for (const std::string& name : certificate.host_names) add(name);
  for (const Address& address : certificate.addresses) add(address.host());
  return names;
}

void print(Writer& out, const Certificate& certificate) {
  out.put(certificate.subject);
  if (const std::string names = names_of(certificate); !names.empty()) print_all(out, " (", names, ')');
  print_all(out, ", issued by ", certificate.issuer, ", valid from ");
  put_day(out, certificate.not_before);
  out.put(" to ");
  put_day(out, certificate.not_after);
  print_all(out, ", SHA-256 ", certificate.fingerprint);
}

}  // namespace parley::tls
