#include "chat/post/async_writer.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "parley/base/print.h"

namespace chat {

struct AsyncWriter::Shared {
  Shared(std::size_t most, std::chrono::milliseconds after_failure) : limit(most), rest(after_failure) {}

  const std::size_t limit;
  const std::chrono::milliseconds rest;
  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;  // what was put and is not being written yet
  bool closing = false;
  bool retry = false;      // without a rest
  bool finished = false;   // the thread is at its end
  std::uint64_t lost = 0;  // lines, once it is finished
};

namespace {

// The lines that are written next: as many as make up a piece, at least one.
std::string_view next_lines(std::string_view text) {
  if (text.size() <= AsyncWriter::piece) return text;
  std::size_t end = text.rfind('\n', AsyncWriter::piece - 1);
  if (end == text.npos) end = text.find('\n', AsyncWriter::piece);
  return text.substr(0, end == text.npos ? text.size() : end + 1);
}

// Writes until that fails; answers what is left.
std::string_view write_all(const AsyncWriter::Write& write, std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view next = next_lines(lines);
    const std::size_t written = write(next);
    lines.remove_prefix(written);
    if (written != next.size()) break;
  }
  return lines;
}

// Memory for what is usual is kept for the next time; what a burst took is given back.
void clear(std::string& text) {
  constexpr std::size_t usual = 64 * 1024;
  text.clear();
  if (text.capacity() > usual) text.shrink_to_fit();
}

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

std::size_t write_to(std::FILE* stream, std::string_view lines) {
  constexpr int most_tries = 100;  // a second: then there may be another place to write to
  std::size_t written = 0;
  for (int tries = 0; written < lines.size() && tries < most_tries;) {
    errno = 0;
    written += std::fwrite(lines.data() + written, 1, lines.size() - written, stream);
    if (written == lines.size()) break;
    std::clearerr(stream);
    if (errno == EAGAIN) {
      // Somebody shares the terminal with us and has made it non-blocking.
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      ++tries;
    } else if (errno != EINTR) {
      break;
    }
  }
  return written;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Its buffer is not touched: that waits for a write to stderr that is stuck.
File standard_error() {
  return {stderr, [](std::FILE*) { return 0; }};
}

File append_to(const std::string& path) {
  // To open a pipe would wait for its reader.
  std::error_code unknown;
  const std::filesystem::file_status there = std::filesystem::status(path, unknown);
  if (is_fifo(there) || is_socket(there)) {
    throw std::runtime_error(parley::concat(path, ": a pipe or a socket is no place for a log"));
  }
  File file(std::fopen(path.c_str(), "ae"), std::fclose);
  if (file == nullptr) throw std::system_error(errno, std::generic_category(), path);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  return file;
}

}  // namespace

AsyncWriter::AsyncWriter(Write write, std::size_t limit, std::chrono::milliseconds rest)
    : shared_(std::make_shared<Shared>(limit, rest)) {
  try {
    thread_ = std::thread([shared = shared_, write = std::move(write)] { run(*shared, write); });
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "a thread cannot be started");
  }
}

AsyncWriter::~AsyncWriter() {
  close(std::chrono::milliseconds(0));
}

bool AsyncWriter::put(std::string_view text) noexcept {
  {
    const std::lock_guard lock(shared_->mutex);
    const std::size_t room = shared_->limit - shared_->waiting.size();
    if (text.size() > room || shared_->closing) return false;
    try {
      shared_->waiting += text;
    } catch (const std::bad_alloc&) {
      return false;
    }
    if (shared_->waiting.size() != text.size()) return true;  // the thread was told already
  }
  shared_->changed.notify_all();
  return true;
}

void AsyncWriter::retry() {
  const std::lock_guard lock(shared_->mutex);
  shared_->retry = true;
  shared_->changed.notify_all();
}

bool AsyncWriter::close(std::chrono::milliseconds patience) {
  std::unique_lock lock(shared_->mutex);
  shared_->closing = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, patience, [this] { return shared_->finished; });
  const bool finished = shared_->finished;
  lock.unlock();
  if (thread_.joinable()) finished ? thread_.join() : thread_.detach();
  return finished;
}

bool AsyncWriter::behind() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->waiting.size() > shared_->limit / 2;
}

std::uint64_t AsyncWriter::lost() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->lost;
}

void AsyncWriter::run(Shared& shared, const Write& write) {
  std::string lines;
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&] { return !shared.waiting.empty() || shared.closing; });
    if (shared.waiting.empty()) break;
    lines.swap(shared.waiting);
    std::string_view left = lines;
    std::chrono::milliseconds rest = shared.rest;
    bool last = false;
    for (;;) {
      last = shared.closing;  // nobody waits for a disk any more
      shared.retry = false;
      lock.unlock();
      const std::size_t before = left.size();
      left = write_all(write, left);
      lock.lock();
      if (left.empty() || last) break;
      if (left.size() != before) rest = shared.rest;
      shared.changed.wait_for(lock, rest, [&] { return shared.closing || shared.retry; });
      rest = std::max(shared.rest, std::min(2 * rest, longest_rest));
    }
    if (!left.empty()) {
      shared.lost = lines_in(left) + lines_in(shared.waiting);
      break;
    }
    clear(lines);
  }
  shared.finished = true;
  shared.changed.notify_all();
}

AsyncWriter::Write standard_output() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  return [](std::string_view lines) { return write_to(stdout, lines); };
}

struct LogOutput::Shared {
  File current = standard_error();  // the writer's
  std::mutex mutex;
  std::optional<File> next;
};

LogOutput::LogOutput() : shared_(std::make_shared<Shared>()) {
  std::setvbuf(stderr, nullptr, _IONBF, 0);
}

void LogOutput::open(const std::string& path) {
  File file = path.empty() ? standard_error() : append_to(path);
  const std::lock_guard lock(shared_->mutex);
  shared_->next = std::move(file);
}

AsyncWriter::Write LogOutput::write() const {
  return [shared = shared_](std::string_view lines) {
    {
      const std::lock_guard lock(shared->mutex);
      if (shared->next) shared->current = *std::exchange(shared->next, std::nullopt);
    }
    return write_to(shared->current.get(), lines);
  };
}

}  // namespace chat
