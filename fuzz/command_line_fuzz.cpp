// The input's lines are the arguments. None that names a file is read.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/config/command_line.h"
#include "fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::must;
  std::vector<std::string> texts(1, "parleyd");
  texts.emplace_back();
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == '\n') {
      texts.emplace_back();
    } else {
      texts.back() += static_cast<char>(data[i]);
    }
  }
  std::vector<const char*> arguments;
  for (const std::string& text : texts) {
    if (text.find("config") != text.npos) return -1;
    arguments.push_back(text.c_str());
  }
  try {
    const chat::Invocation read = chat::read_command_line(static_cast<int>(texts.size()), arguments.data());
    must(!read.say.empty() || !read.config.listeners.empty(), "it listens nowhere");
  } catch (const chat::ConfigError& error) {
    must(!std::string_view(error.what()).empty(), "a mistake has no message");
  }
  return 0;
}
