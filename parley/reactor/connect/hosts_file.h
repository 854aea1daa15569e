#pragma once

// Private to Parley.

#include <string_view>
#include <vector>

#include "parley/socket/address.h"

namespace parley {

// The names in the text of a file in the manner of /etc/hosts. Names are compared without regard to case;
// lines that are none are passed over. Movable only.
class HostsFile {
 public:
  explicit HostsFile(std::string_view text = {});
  HostsFile(HostsFile&&) noexcept = default;
  HostsFile& operator=(HostsFile&&) noexcept = default;
  HostsFile(const HostsFile&) = delete;
  HostsFile& operator=(const HostsFile&) = delete;
  ~HostsFile() = default;

  // The addresses of both families that the file gives a name, in its order; none for a name that does not
  // stand there. `localhost`, and what ends with `.localhost`, is this machine where the file does not say
  // (RFC 6761, section 6.3).
  std::vector<Address> addresses_of(std::string_view name) const;

 private:
  struct Entry {
    std::string_view name;
    std::string_view address;
  };

  void read_line(std::string_view line);

  std::vector<char> text_;      // in lower case; the entries point into it, also after a move
  std::vector<Entry> entries_;  // by name, and as they stand in the file where that is the same
};

}  // namespace parley
