#pragma once

#include <string>

#include "chat/config/config.h"

namespace chat {

// What parleyd was started for: to run with a configuration, or only to say something.
struct Invocation {
  Config config;
  std::string say;  // --help, --version: this, and an exit with status 0; empty: run
};

// Reads the command line and the file it names. What the command line says counts more than the file;
// its listeners replace the file's. Throws ConfigError.
Invocation read_command_line(int argc, const char* const* argv);

// Reads both again. A configuration that is a pipe or a device has been read, and may have nothing more to
// say for ever: that is a ConfigError, too.
Config reread_command_line(int argc, const char* const* argv);

}  // namespace chat
