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

// The same, of a file.
Config read_config(const std::string& path);

}  // namespace chat
