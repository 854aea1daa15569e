#pragma once

#include <string>
#include <vector>

#include "parley/base/log.h"

namespace chat {

// For tests: a log that is kept.
class RecordingLog final : public parley::Log {
 public:
  void write(parley::Level level, std::string_view message) noexcept override {
    levels.push_back(level);
    messages.emplace_back(message);
  }

  std::vector<parley::Level> levels;
  std::vector<std::string> messages;
};

}  // namespace chat
