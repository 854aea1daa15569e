#include "parley/process/listen_variables.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "parley/base/print.h"

namespace parley {

namespace {

constexpr int most_descriptors = 4096;  // more than any unit has; a wrong number must not take minutes

int number(std::string_view variable, std::string_view text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    throw std::runtime_error(concat(variable, "=", text, ": this is no number"));
  }
  return number;
}

}  // namespace

std::vector<std::string> listen_names(const ListenVariables& variables, int own) {
  if (variables.pid == nullptr || variables.count == nullptr) return {};
  if (number("LISTEN_PID", variables.pid) != own) return {};
  const int count = number("LISTEN_FDS", variables.count);
  if (count > most_descriptors)
    throw std::runtime_error(concat("LISTEN_FDS=", count, ": that many cannot be"));
  std::vector<std::string> all;
  std::string_view rest = variables.names != nullptr ? variables.names : "";
  for (int i = 0; i < count; ++i) {
    const std::string_view name = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    all.emplace_back(name.empty() ? "unknown" : name);
  }
  return all;
}

}  // namespace parley
