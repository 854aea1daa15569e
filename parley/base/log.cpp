#include "parley/base/log.h"

#include <cstddef>
#include <cstdio>
#include <new>
#include <string>

namespace parley {

namespace {

// What others chose may stand in a message: it is neither to make lines of its own nor to move the cursor.
std::string one_line(std::string_view message) {
  std::string line(message);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const bool c1 = byte >= 0x80 && byte < 0xa0 && i > 0 && line[i - 1] == '\xc2';
    if (c1) line[i - 1] = ' ';
    if (c1 || byte < 0x20 || byte == 0x7f) line[i] = ' ';
  }
  return line;
}

class StandardLog final : public Log {
 public:
  void write(Level level, std::string_view message) noexcept override {
    if (level < Level::warn) return;
    try {
      const std::string text = one_line(message);
      std::fprintf(stderr, "parley: %s: %.*s\n", level == Level::warn ? "warning" : "error",
                   static_cast<int>(text.size()), text.data());
    } catch (const std::bad_alloc&) {
      std::fputs("parley: error: there is not enough memory to say what happened\n", stderr);
    }
  }
};

}  // namespace

Log& standard_log() {
  static StandardLog log;
  return log;
}

}  // namespace parley
