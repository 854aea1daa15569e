#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parley/base/log.h"

namespace parley {

// For tests: a log that is kept. Thread: one.
class RecordingLog final : public Log {
 public:
  void write(Level level, std::string_view message) noexcept override {
    levels.push_back(level);
    lines.emplace_back(message);
  }

  std::vector<Level> levels;
  std::vector<std::string> lines;
};

}  // namespace parley
