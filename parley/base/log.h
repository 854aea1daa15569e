#pragma once

#include <string_view>

namespace parley {

enum class Level { trace, debug, info, warn, error };

// Where the library says what happened. A program plugs in its own (spdlog, syslog ...) by deriving.
// Thread: `write` may be called from every thread that runs a reactor. It must not throw.
class Log {
 public:
  virtual ~Log() = default;
  // One message, without a line end.
  virtual void write(Level level, std::string_view message) noexcept = 0;
};

// The log that is used where none is given: `warn` and above, to stderr. Lives for the whole program.
Log& standard_log();

}  // namespace parley
