#include "parley/base/log.h"

#include <cstdio>

namespace parley {

namespace {

class StandardLog final : public Log {
 public:
  void write(Level level, std::string_view message) noexcept override {
    if (level < Level::warn) return;
    std::fprintf(stderr, "parley: %s: %.*s\n", level == Level::warn ? "warning" : "error",
                 static_cast<int>(message.size()), message.data());
  }
};

}  // namespace

Log& standard_log() {
  static StandardLog log;
  return log;
}

}  // namespace parley
