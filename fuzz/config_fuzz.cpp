// A configuration is taken, or refused with a message that names the file.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat/config/file.h"
#include "fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::must;
  const std::string text(data, data + size);
  try {
    const chat::Config config = chat::parse_config(text, "parleyd.toml");
    must(!config.listeners.empty(), "it listens nowhere");
    must(config.line_bytes > 0, "no line is short enough");
  } catch (const chat::ConfigError& error) {
    must(std::string_view(error.what()).starts_with("parleyd.toml:"), "the message does not name the file");
  }
  return 0;
}
