#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace chat {

// Writes text in a thread of its own, so that whoever puts it is never held up: stdout and stderr may be a
// pipe that nobody reads. What is not written yet is kept, up to a limit; what could not be written, as on a
// full disk, is tried again.
class AsyncWriter {
 public:
  // Writes some lines, however long that takes, and answers how many bytes of them: fewer than there are
  // where it can write no more now. Called in the writer's thread, with at most `piece` bytes unless one
  // line is longer. The first may be the rest of a line of which some was written.
  using Write = std::function<std::size_t(std::string_view lines)>;
  // What a pipe takes whole or not at all, so that a reader never sees half a line (POSIX, PIPE_BUF).
  static constexpr std::size_t piece = 4096;
  static constexpr std::chrono::milliseconds longest_rest = std::chrono::seconds(30);

  // Keeps at most `limit` bytes, and as many again while they are being written. After a write that failed
  // it waits for `rest`, and twice as long after each further one, up to `longest_rest`: a pipe may have lost
  // its reader for good. Throws std::system_error when there can be no thread.
  AsyncWriter(Write write, std::size_t limit,
              std::chrono::milliseconds rest = std::chrono::milliseconds(200));
  // As `close` without patience.
  ~AsyncWriter();
  AsyncWriter(const AsyncWriter&) = delete;
  AsyncWriter& operator=(const AsyncWriter&) = delete;

  // Takes the text, which is whole lines, or none of it: false when there is no room or no memory. Never
  // waits for the writing. Thread: any.
  bool put(std::string_view text) noexcept;

  // Tries at once what could not be written, as where it is written to has changed. Thread: any.
  void retry();

  // Takes no more, and waits until what was put is written, or was tried once more in vain, but not longer
  // than `patience`. False: a write is stuck in its thread, and the program must end without waiting for
  // it (std::quick_exit). To be called from one thread; again, it answers the same.
  bool close(std::chrono::milliseconds patience);
  // Whether more than half of the limit waits. Thread: any.
  bool behind() const;
  // After `close`, and it answered true: the lines that were put and could not be written.
  std::uint64_t lost() const;

 private:
  struct Shared;
  static void run(Shared& shared, const Write& write);

  std::shared_ptr<Shared> shared_;  // the thread's too: it may outlive the writer
  std::thread thread_;
};

// Writes to stdout, for a writer. It takes the stream over: nobody else may write to it.
AsyncWriter::Write standard_output();

// Where the log goes: to stderr, or to the end of a file, which may be opened anew while a writer writes to
// it. It takes over the stream that it writes to.
class LogOutput {
 public:
  // Begins with stderr.
  LogOutput();

  // From the next write on, it goes to the file of that name, which is made if there is none; empty: to
  // stderr. Throws std::runtime_error (std::system_error among them) where it cannot be opened, or is a pipe
  // or a socket: then it goes where it went. A write that is stuck, as in a pipe that nobody reads, holds it
  // where it is. Thread: any.
  void open(const std::string& path);

  // For one writer; may outlive this object.
  AsyncWriter::Write write() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace chat
