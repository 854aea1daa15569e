// Where to listen, on the command line.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat/config/command_line.h"
#include "fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::must;
  const std::string option = "--listen=" + std::string(data, data + size);
  const std::array<const char*, 2> arguments = {"parleyd", option.c_str()};
  try {
    const chat::Invocation read = chat::read_command_line(2, arguments.data());
    must(read.say.empty(), "it was asked for help");
    must(read.config.listeners.size() == 1, "it does not listen in one place");
  } catch (const chat::ConfigError& error) {
    must(!std::string_view(error.what()).empty(), "a mistake has no message");
  }
  return 0;
}
