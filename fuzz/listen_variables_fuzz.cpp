// The input's lines are LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; one that begins with "-" is not there.

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz/must.h"
#include "parley/process/listen_variables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::must;
  std::string rest(data, data + size);
  std::array<std::string, 3> lines;
  for (std::string& line : lines) {
    line = rest.substr(0, rest.find('\n'));
    rest.erase(0, line.size() + 1);
  }
  const auto variable = [](const std::string& line) {
    return line.starts_with('-') ? nullptr : line.c_str();
  };
  try {
    const auto names = parley::listen_names({variable(lines[0]), variable(lines[1]), variable(lines[2])}, 7);
    if (names.empty()) return 0;
    must(names.size() <= 4096, "there are too many");
    must(std::stoi(lines[0]) == 7, "they are for another process");
    must(std::stoul(lines[1]) == names.size(), "they are not as many as it says");
    for (const std::string& name : names) {
      must(!name.empty() && name.find(':') == name.npos, "a name is not one");
    }
  } catch (const std::runtime_error& error) {
    must(std::string_view(error.what()).starts_with("LISTEN_"), "the message names no variable");
  }
  return 0;
}
