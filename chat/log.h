#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "chat/post/async_writer.h"
#include "parley/base/clock.h"
#include "parley/base/log.h"

namespace spdlog {
class logger;
}

namespace chat {

// The text as one line that does nothing to a terminal: what others chose (the name of a Unix socket, an
// argument) may hold line ends and escapes.
std::string one_line(std::string_view text);

// The program's log: spdlog's lines, through a writer, so that a log that nobody reads does not hold up the
// chat. What the writer does not take is dropped, and counted in a line once it takes again. Thread: any.
class ProgramLog final : public parley::Log {
 public:
  // Says what is of that level or above. The writer must outlive it.
  ProgramLog(AsyncWriter& out, parley::Level level);
  ~ProgramLog() override;

  void set_level(parley::Level level);
  void write(parley::Level level, std::string_view message) noexcept override;

 private:
  std::unique_ptr<spdlog::logger> logger_;
};

// A log for what strangers can cause: of each level at most `most` lines in `period`, which begins with the
// first of them. What is beyond that is left out: one line more says so at once, and another how many they
// were, before the first of the next period or when this object goes. Thread: any.
class LimitedLog final : public parley::Log {
 public:
  static constexpr std::uint32_t most = 20;
  static constexpr parley::Duration period = std::chrono::seconds(10);

  // Both must outlive it.
  LimitedLog(parley::Log& log, const parley::Clock& clock) : log_(log), clock_(clock) {}
  // Says how many were left out and not said yet.
  ~LimitedLog() override;
  LimitedLog(const LimitedLog&) = delete;
  LimitedLog& operator=(const LimitedLog&) = delete;

  void write(parley::Level level, std::string_view message) noexcept override;

 private:
  struct Count {
    parley::Time began{};
    std::uint32_t written = 0;
    std::uint64_t left_out = 0;
  };

  void say_left_out(parley::Level level, const Count& count) noexcept;

  parley::Log& log_;
  const parley::Clock& clock_;
  std::mutex mutex_;
  std::array<Count, static_cast<std::size_t>(parley::Level::error) + 1> counts_;  // of each level
};

}  // namespace chat
