#include "chat/log.h"

#include <cstdint>
#include <mutex>
#include <new>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include "chat/wire/line/clean.h"
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
            : out_.put(parley::concat("(", dropped_, " lines of the log were dropped here)\n", text));
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

}  // namespace

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  std::string scratch;
  return std::string(clean(line, scratch));  // C1 controls, and what is no UTF-8
}

ProgramLog::ProgramLog(AsyncWriter& out, parley::Level level)
    : logger_(std::make_unique<spdlog::logger>("parleyd", std::make_shared<WriterSink>(out))) {
  logger_->set_level(spdlog_level(level));
  logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
}

ProgramLog::~ProgramLog() = default;

void ProgramLog::set_level(parley::Level level) {
  logger_->set_level(spdlog_level(level));
}

void ProgramLog::write(parley::Level level, std::string_view message) noexcept {
  if (!logger_->should_log(spdlog_level(level))) return;
  try {
    logger_->log(spdlog_level(level), one_line(message));  // spdlog catches what its sinks throw
  } catch (const std::bad_alloc&) {
    // The line is lost, and nothing else.
  }
}

LimitedLog::~LimitedLog() {
  for (std::size_t i = 0; i < counts_.size(); ++i) say_left_out(static_cast<parley::Level>(i), counts_[i]);
}

void LimitedLog::write(parley::Level level, std::string_view message) noexcept {
  const std::lock_guard lock(mutex_);
  Count& count = counts_[static_cast<std::size_t>(level)];
  const parley::Time now = clock_.now();
  if (count.written == 0 || now - count.began >= period) {
    say_left_out(level, count);
    count = {.began = now};
  }
  if (count.written < most) {
    ++count.written;
    return log_.write(level, message);
  }
  if (count.left_out++ == 0)
    log_.write(level, "there is too much to say: more of this level is left out for some seconds");
}

void LimitedLog::say_left_out(parley::Level level, const Count& count) noexcept {
  if (count.left_out == 0) return;
  try {
    log_.write(level, parley::concat(count.left_out, " lines of this level were left out"));
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace chat
