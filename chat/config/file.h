#pragma once

#include <string>
#include <string_view>

#include "chat/config/config.h"

namespace chat {

// A configuration file is at most so many bytes long.
inline constexpr std::size_t longest_config = 1024 * 1024;

// Reads a configuration in TOML; what it does not say stays at its default. `name` is the file's, for
// messages. Throws ConfigError, which names file, line and key; of several mistakes the first.
Config parse_config(std::string_view text, const std::string& name);

// The same, of a file. What can be read but once, a pipe or a device, is read.
Config read_config(const std::string& path);
// The same, of one that was read before. A pipe or a device is not opened: that might wait for ever.
Config reread_config(const std::string& path);

}  // namespace chat
