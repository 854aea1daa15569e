#include "parley/reactor/hosts_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace parley {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

// A last dot says that a name is whole, and is no part of it.
std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool is_localhost(std::string_view name) {
  constexpr std::string_view reserved = "localhost";
  if (name.size() < reserved.size()) return false;
  const std::size_t before = name.size() - reserved.size();
  return same_name(name.substr(before), reserved) && (before == 0 || name[before - 1] == '.');
}

}  // namespace

std::vector<Address> addresses_in_hosts(std::istream& file, std::string_view name) {
  name = without_dot(name);
  std::vector<Address> addresses;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string host;
    words >> host;
    bool named = false;
    for (std::string word; words >> word;) named = named || same_name(word, name);
    if (!named) continue;
    try {
      const Address address(host, 0);
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    } catch (const AddressError&) {
      continue;
    }
  }
  return addresses;
}

std::vector<Address> addresses_in_hosts(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  std::vector<Address> addresses = addresses_in_hosts(file, name);
  if (addresses.empty() && is_localhost(without_dot(name))) return {{"::1", 0}, {"127.0.0.1", 0}};
  return addresses;
}

}  // namespace parley
