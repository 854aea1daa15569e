#pragma once

// Private to parley/tls: a certificate with those that it is signed by, and its key.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "parley/tls/context.h"
#include "parley/tls/openssl.h"

namespace parley::tls {

struct KeyPair {
  X509Ptr certificate;
  X509StackPtr chain;
  KeyPtr key;

  // Reads both from PEM, and sees that they belong together. `certificates_name` and `key_name` are for what
  // is thrown: Error.
  static KeyPair read(std::string_view certificates, std::string_view certificates_name, std::string_view key,
                      std::string_view key_name, const Password& password);
  // From files, one of which may hold both. Throws SocketError, too.
  static KeyPair load(const std::string& certificates, const std::string& key, const Password& password);
};

// By which a change of files is noticed.
struct FileStamp {
  std::filesystem::file_time_type certificates{};
  std::filesystem::file_time_type key{};
  std::uintmax_t certificates_size = 0;
  std::uintmax_t key_size = 0;

  static FileStamp of(const std::string& certificates, const std::string& key) noexcept;
  bool operator==(const FileStamp&) const = default;
};

// A whole file, of at most 1 MiB. Throws SocketError.
std::string read_file(std::string_view operation, const std::string& path);

}  // namespace parley::tls
