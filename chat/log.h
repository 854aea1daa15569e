#pragma once

#include <memory>
#include <string_view>

#include "chat/post/outlet.h"
#include "parley/base/log.h"

namespace spdlog {
class logger;
}

namespace chat {

// The program's log: spdlog's lines, through an outlet (stderr's), so that a log that nobody reads does not
// hold up the chat. What the outlet does not take is dropped, and counted in a line once it takes again.
// Thread: any.
class ProgramLog final : public parley::Log {
 public:
  // Says what is of that level or above. The outlet must outlive it.
  ProgramLog(Outlet& out, parley::Level level);
  ~ProgramLog() override;

  void write(parley::Level level, std::string_view message) noexcept override;

 private:
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace chat
