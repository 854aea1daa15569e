#include "chat/log.h"

#include <cstdint>
#include <mutex>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include "parley/base/print.h"

namespace chat {
namespace {

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(AsyncWriter& out) : out_(out) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::string_view text(line.data(), line.size());
    const bool taken =
        dropped_ == 0
            ? out_.put(text)
            : out_.put(parley::format("(", dropped_, " lines of the log were dropped here)\n", text));
    dropped_ = taken ? 0 : dropped_ + 1;
  }
  void flush_() override {}

  AsyncWriter& out_;
  std::uint64_t dropped_ = 0;
};

spdlog::level::level_enum spdlog_level(parley::Level level) {
  switch (level) {
    case parley::Level::trace:
      return spdlog::level::trace;
    case parley::Level::debug:
      return spdlog::level::debug;
    case parley::Level::info:
      return spdlog::level::info;
    case parley::Level::warn:
      return spdlog::level::warn;
    case parley::Level::error:
      break;
  }
  return spdlog::level::err;
}

// What others chose (the name of a Unix socket, say) must not make lines of its own.
std::string one_line(std::string_view message) {
  std::string line(message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace

ProgramLog::ProgramLog(AsyncWriter& out, parley::Level level)
    : logger_(std::make_unique<spdlog::logger>("parleyd", std::make_shared<WriterSink>(out))) {
  logger_->set_level(spdlog_level(level));
  logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
}

ProgramLog::~ProgramLog() = default;

void ProgramLog::write(parley::Level level, std::string_view message) noexcept {
  // spdlog catches what its sinks throw.
  if (logger_->should_log(spdlog_level(level))) logger_->log(spdlog_level(level), one_line(message));
}

}  // namespace chat
