#include "chat/post/async_writer.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

namespace chat {

struct AsyncWriter::Shared {
  explicit Shared(std::size_t most) : limit(most) {}

  const std::size_t limit;
  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;  // what was put and is not being written yet
  bool closing = false;
  bool broken = false;    // nobody takes anything any more
  bool finished = false;  // the thread is at its end
};

namespace {

// The lines that are written next: as many as make up a piece, at least one.
std::string_view next_lines(std::string_view text) {
  if (text.size() <= AsyncWriter::piece) return text;
  std::size_t end = text.rfind('\n', AsyncWriter::piece - 1);
  if (end == text.npos) end = text.find('\n', AsyncWriter::piece);
  return text.substr(0, end == text.npos ? text.size() : end + 1);
}

// Memory for what is usual is kept for the next time; what a burst took is given back.
void clear(std::string& text) {
  constexpr std::size_t usual = 64 * 1024;
  text.clear();
  if (text.capacity() > usual) text.shrink_to_fit();
}

AsyncWriter::Write to_stream(std::FILE* stream) {
  std::setvbuf(stream, nullptr, _IONBF, 0);
  return [stream](std::string_view lines) {
    while (!lines.empty()) {
      errno = 0;
      lines.remove_prefix(std::fwrite(lines.data(), 1, lines.size(), stream));
      if (lines.empty()) break;
      std::clearerr(stream);
      if (errno == EAGAIN) {
        // Somebody shares the terminal with us and has made it non-blocking.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  };
}

}  // namespace

AsyncWriter::AsyncWriter(Write write, std::size_t limit) : shared_(std::make_shared<Shared>(limit)) {
  thread_ = std::thread([shared = shared_, write = std::move(write)] { run(*shared, write); });
}

AsyncWriter::~AsyncWriter() {
  close(std::chrono::milliseconds(0));
}

bool AsyncWriter::put(std::string_view text) {
  {
    const std::lock_guard lock(shared_->mutex);
    const std::size_t room = shared_->limit - shared_->waiting.size();
    if (text.size() > room || shared_->closing || shared_->broken) return false;
    shared_->waiting += text;
    if (shared_->waiting.size() != text.size()) return true;  // the thread was told already
  }
  shared_->changed.notify_all();
  return true;
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

void AsyncWriter::run(Shared& shared, const Write& write) {
  std::string lines;
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&] { return !shared.waiting.empty() || shared.closing; });
    if (shared.waiting.empty() || shared.broken) break;
    lines.swap(shared.waiting);
    lock.unlock();
    bool taken = true;
    for (std::string_view left = lines; taken && !left.empty();) {
      const std::string_view next = next_lines(left);
      taken = write(next);
      left.remove_prefix(next.size());
    }
    clear(lines);
    lock.lock();
    shared.broken = shared.broken || !taken;
  }
  shared.finished = true;
  shared.changed.notify_all();
}

AsyncWriter::Write standard_output() {
  return to_stream(stdout);
}

AsyncWriter::Write standard_error() {
  return to_stream(stderr);
}

}  // namespace chat
