#include "parley/reactor/connect/hosts_file.h"

#include <algorithm>
#include <string>
#include <utility>

namespace parley {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_localhost(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

// Takes the next word off a line; empty at its end.
std::string_view next_word(std::string_view& line) {
  constexpr std::string_view space = " \t\r\v\f";
  line.remove_prefix(std::min(line.find_first_not_of(space), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(space));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

HostsFile::HostsFile(std::string_view text) : text_(text.begin(), text.end()) {
  std::ranges::transform(text_, text_.begin(), lower);
  for (std::string_view rest(text_.data(), text_.size()); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    read_line(line.substr(0, line.find('#')));
  }
  // Entries of one name stay in the order of the file, in which they are tried.
  std::ranges::sort(entries_, {},
                    [](const Entry& entry) { return std::pair(entry.name, entry.name.data()); });
}

void HostsFile::read_line(std::string_view line) {
  const std::string_view address = next_word(line);
  for (std::string_view name = next_word(line); !name.empty(); name = next_word(line))
    entries_.push_back({name, address});
}

std::vector<Address> HostsFile::addresses_of(std::string_view name) const {
  if (name.ends_with('.')) name.remove_suffix(1);  // it says that a name is whole, and is no part of it
  std::string wanted(name);
  std::ranges::transform(wanted, wanted.begin(), lower);
  std::vector<Address> addresses;
  for (const Entry& entry : std::ranges::equal_range(entries_, std::string_view(wanted), {}, &Entry::name)) {
    try {
      const Address address(std::string(entry.address), 0);
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    } catch (const AddressError&) {
      // One wrong line does not spoil the others.
      continue;
    }
  }
  if (addresses.empty() && is_localhost(wanted)) return {{"::1", 0}, {"127.0.0.1", 0}};
  return addresses;
}

}  // namespace parley
