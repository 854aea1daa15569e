#pragma once

// Private to Parley.

#include <cstdint>
#include <optional>
#include <string>

namespace parley {

// A text file that somebody else may change or replace at any time, as the system's /etc/hosts.
class ConfigurationFile {
 public:
  explicit ConfigurationFile(std::string path) : path_(std::move(path)) {}

  // Its text, where it may have changed since the last call, and at the first one; empty where there is no
  // such regular file. Looks at the file's inode, size and times, and reads it only where those say so. None
  // also where it cannot be opened at the moment: what was read last still counts then.
  std::optional<std::string> read_if_changed();

 private:
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = -1;     // there is none
    std::int64_t modified = 0;  // ns
    std::int64_t changed = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  std::string path_;
  std::optional<Stamp> read_;  // of what was read last; none: it must be read again
};

}  // namespace parley
