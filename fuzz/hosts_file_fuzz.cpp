// The first line is a name, the others are the file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/must.h"
#include "parley/reactor/connect/hosts_file.h"

namespace parley {
namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// The same, as plainly as it can be said.
std::vector<Address> plainly(const std::string& text, std::string name) {
  if (name.ends_with('.')) name.pop_back();
  name = lower(name);
  std::vector<Address> found;
  std::istringstream lines(lower(text));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    words.imbue(std::locale::classic());
    std::string address;
    words >> address;
    for (std::string word; words >> word;) {
      if (word != name) continue;
      try {
        const Address one(address, 0);
        if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
      } catch (const AddressError&) {
        continue;
      }
    }
  }
  if (found.empty() && (name == "localhost" || name.ends_with(".localhost"))) {
    found = {{"::1", 0}, {"127.0.0.1", 0}};
  }
  return found;
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string name = input.substr(0, end);
  const std::string text = input.substr(std::min(end + 1, input.size()));
  const parley::HostsFile made(text);
  parley::must(made.addresses_of(name) == parley::plainly(text, name), "it is not what the file says");
  return 0;
}
