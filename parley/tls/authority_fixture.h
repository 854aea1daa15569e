#pragma once

// For tests: an authority that issues certificates, in memory, in a few milliseconds each.

#include <chrono>
#include <new>
#include <openssl/pem.h>
#include <string>
#include <vector>

#include "parley/socket/address.h"
#include "parley/tls/openssl.h"

namespace parley::testing_tls {

// PEM.
struct Issued {
  std::string certificate;
  std::string key;
};

struct Wanted {
  std::vector<std::string> names{"localhost"};  // of subjectAltName; numeric ones are addresses
  std::string common_name = "server";
  std::chrono::hours from{-1};  // from now on
  std::chrono::hours to{24};
  bool rsa = false;
  bool for_clients = false;  // its purpose
};

class Authority {
 public:
  explicit Authority(const std::string& name = "Test CA");

  Issued issue(const Wanted& wanted = {}) const;
  std::string certificate() const;

 private:
  tls::KeyPtr key_;
  tls::X509Ptr certificate_;
};

namespace detail {

// Tests cannot go on where it fails.
template <class T>
T* have(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

inline std::string take_text(BIO* bio) {
  char* begin = nullptr;
  const long size = BIO_get_mem_data(bio, &begin);
  return {begin, static_cast<std::size_t>(size)};
}

inline std::string pem_of(X509* certificate) {
  const tls::BioPtr bio(have(BIO_new(BIO_s_mem())));
  PEM_write_bio_X509(bio.get(), certificate);
  return take_text(bio.get());
}

inline void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = have(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

inline tls::X509Ptr begin(const std::string& common_name, EVP_PKEY* key, std::chrono::seconds from,
                          std::chrono::seconds to) {
  static long serial = 1;
  tls::X509Ptr certificate(have(X509_new()));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to.count());
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace detail

inline Authority::Authority(const std::string& name) : key_(detail::have(EVP_EC_gen("P-256"))) {
  certificate_ = detail::begin(name, key_.get(), std::chrono::hours(-24), std::chrono::hours(240));
  X509* const own = certificate_.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  detail::extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  detail::extend(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  detail::extend(own, own, NID_subject_key_identifier, "hash");
  X509_sign(own, key_.get(), EVP_sha256());
}

inline std::string Authority::certificate() const {
  return detail::pem_of(certificate_.get());
}

inline Issued Authority::issue(const Wanted& wanted) const {
  const tls::KeyPtr key(detail::have(wanted.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")));
  const tls::X509Ptr certificate = detail::begin(wanted.common_name, key.get(), wanted.from, wanted.to);
  X509* const own = certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(certificate_.get()));
  std::string names;
  for (const std::string& name : wanted.names) {
    const bool numeric = Address::parse(name + ":0").ok() || Address::parse("[" + name + "]:0").ok();
    names += (names.empty() ? "" : ",") + std::string(numeric ? "IP:" : "DNS:") + name;
  }
  if (!names.empty()) detail::extend(own, certificate_.get(), NID_subject_alt_name, names);
  detail::extend(own, certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
  detail::extend(own, certificate_.get(), NID_key_usage, "critical,digitalSignature");
  detail::extend(own, certificate_.get(), NID_ext_key_usage,
                 wanted.for_clients ? "clientAuth" : "serverAuth");
  detail::extend(own, certificate_.get(), NID_subject_key_identifier, "hash");
  detail::extend(own, certificate_.get(), NID_authority_key_identifier, "keyid");
  X509_sign(own, key_.get(), EVP_sha256());
  const tls::BioPtr bio(detail::have(BIO_new(BIO_s_mem())));
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {detail::pem_of(own), detail::take_text(bio.get())};
}

}  // namespace parley::testing_tls
