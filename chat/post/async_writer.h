#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>

namespace chat {

// Writes text in a thread of its own, so that whoever puts it is never held up: stdout and stderr may be a
// pipe that nobody reads. What is not written yet is kept, up to a limit.
class AsyncWriter {
 public:
  // Writes some lines, however long that takes; false when it can't, now and for ever. Called in the
  // writer's thread, with at most `piece` bytes unless one line is longer.
  using Write = std::function<bool(std::string_view lines)>;
  // What a pipe takes whole or not at all, so that a reader never sees half a line (POSIX, PIPE_BUF).
  static constexpr std::size_t piece = 4096;

  // Keeps at most `limit` bytes, and as many again while they are being written. Throws
  // std::system_error when there can be no thread.
  AsyncWriter(Write write, std::size_t limit);
  // As `close` without patience.
  ~AsyncWriter();
  AsyncWriter(const AsyncWriter&) = delete;
  AsyncWriter& operator=(const AsyncWriter&) = delete;

  // Takes the text, which is whole lines, or none of it: false when there is no room, or nobody to take
  // it. Never waits for the writing. Thread: any.
  bool put(std::string_view text);

  // Takes no more, and waits until what was put is written (or nobody takes it any more), but not longer
  // than `patience`. False: a write is stuck in its thread, and the program must end without waiting for
  // it (std::quick_exit). To be called from one thread; again, it answers the same.
  bool close(std::chrono::milliseconds patience);

 private:
  struct Shared;
  static void run(Shared& shared, const Write& write);

  std::shared_ptr<Shared> shared_;  // the thread's too: it may outlive the writer
  std::thread thread_;
};

// Writes to stdout or stderr, for a writer. It takes the stream over: nobody else may write to it.
AsyncWriter::Write standard_output();
AsyncWriter::Write standard_error();

}  // namespace chat
