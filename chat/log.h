#pragma once

#include <memory>
#include <string_view>

#include "chat/post/async_writer.h"
#include "parley/base/log.h"

namespace spdlog {
class logger;
}

namespace chat {

// The program's log: spdlog's lines, through a writer (stderr's), so that a log that nobody reads does not
// hold up the chat. What the writer does not take is dropped, and counted in a line once it takes again.
// Thread: any.
class ProgramLog final : public parley::Log {
 public:
  // Says what is of that level or above. The writer must outlive it.
  ProgramLog(AsyncWriter& out, parley::Level level);
  ~ProgramLog() override;

  void write(parley::Level level, std::string_view message) noexcept override;

 private:
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace chat
