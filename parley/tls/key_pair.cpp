#include "parley/tls/key_pair.h"

#include <algorithm>
#include <exception>
#include <new>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "parley/base/print.h"
#include "parley/socket/open_file.h"

namespace parley::tls {

namespace {

constexpr std::size_t largest_file = 1024 * 1024;

BioPtr reader(std::string_view text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio == nullptr) throw std::bad_alloc();
  return bio;
}

// OpenSSL asks a terminal where it is given no function.
struct Asked {
  const Password& password;
  bool was_asked = false;
  std::exception_ptr thrown{};

  static int ask(char* into, int size, int /*writes*/, void* self) noexcept {
    auto& asked = *static_cast<Asked*>(self);
    asked.was_asked = true;
    try {
      const std::string answer = asked.password ? asked.password() : std::string();
      if (answer.empty() || answer.size() > static_cast<std::size_t>(size)) return -1;
      return static_cast<int>(answer.copy(into, answer.size()));
    } catch (...) {
      asked.thrown = std::current_exception();
      return -1;
    }
  }
};

KeyPtr read_key(std::string_view text, std::string_view name, const Password& password) {
  const BioPtr bio = reader(text);
  Asked asked{password};
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &Asked::ask, &asked));
  if (asked.thrown) {
    ERR_clear_error();
    std::rethrow_exception(asked.thrown);
  }
  if (key == nullptr) {
    const std::string why = detail::take_error_text();
    throw Error("load_cert_chain", name, std::make_error_code(std::errc::invalid_argument),
                asked.was_asked && !password ? "the key has a passphrase, and none was given"
                : asked.was_asked            ? "the passphrase is wrong: " + why
                                             : "there is no key in PEM in it: " + why);
  }
  return key;
}

}  // namespace

KeyPair KeyPair::read(std::string_view certificates, std::string_view certificates_name, std::string_view key,
                      std::string_view key_name, const Password& password) {
  KeyPair pair;
  const BioPtr bio = reader(certificates);
  pair.certificate.reset(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (pair.certificate == nullptr) {
    throw Error("load_cert_chain", certificates_name, std::make_error_code(std::errc::invalid_argument),
                "there is no certificate in PEM in it: " + detail::take_error_text());
  }
  pair.chain.reset(sk_X509_new_null());
  if (pair.chain == nullptr) throw std::bad_alloc();
  while (X509Ptr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (sk_X509_push(pair.chain.get(), next.get()) == 0) throw std::bad_alloc();
    [[maybe_unused]] const X509* const owned = next.release();
  }
  // The end of the text is no error; anything else is.
  const unsigned long last = ERR_peek_last_error();
  if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    throw Error(
        "load_cert_chain", certificates_name, std::make_error_code(std::errc::invalid_argument),
        concat("certificate ", sk_X509_num(pair.chain.get()) + 2, " is broken: ", detail::take_error_text()));
  }
  ERR_clear_error();
  pair.key = read_key(key, key_name, password);
  if (X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) {
    ERR_clear_error();
    throw Error("load_cert_chain", certificates_name, std::make_error_code(std::errc::invalid_argument),
                concat("the key in ", key_name, " is not that of the first certificate"));
  }
  return pair;
}

KeyPair KeyPair::load(const std::string& certificates, const std::string& key, const Password& password) {
  const std::string text = read_file("load_cert_chain", certificates);
  if (key.empty()) return read(text, certificates, text, certificates, password);
  return read(text, certificates, read_file("load_cert_chain", key), key, password);
}

FileStamp FileStamp::of(const std::string& certificates, const std::string& key) noexcept {
  FileStamp stamp;
  std::error_code none;  // one that is missing has no time: that is a change, too
  stamp.certificates = std::filesystem::last_write_time(certificates, none);
  stamp.certificates_size = std::filesystem::file_size(certificates, none);
  if (key.empty()) return stamp;
  stamp.key = std::filesystem::last_write_time(key, none);
  stamp.key_size = std::filesystem::file_size(key, none);
  return stamp;
}

std::string read_file(std::string_view operation, const std::string& path) {
  const OpenFile file(path);
  std::string text(std::min<std::uint64_t>(file.size() + 1, largest_file + 1), '\0');
  text.resize(file.read(text, 0));
  if (text.size() > largest_file) {
    throw SocketError(operation, path, std::make_error_code(std::errc::file_too_large),
                      concat("at most ", largest_file, " bytes"));
  }
  return text;
}

}  // namespace parley::tls
