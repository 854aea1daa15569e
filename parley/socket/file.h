#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "parley/socket/socket.h"

namespace parley {

class FileLines;

// How a SocketFile buffers, and how far it grows. Sizes are bytes.
struct FileOptions {
  // How much is asked of the kernel at a time. With 0 no more than what was asked for is taken from the
  // socket, so that it can be received from in turn; a line then costs a system call for each byte.
  std::size_t read_buffer = 8192;
  // How much is collected before it is sent. With 0 each write is sent at once.
  std::size_t write_buffer = 8192;
  // What `readline` and `lines` give at most where no limit is named (at least 1), and what `read()` does.
  std::size_t line_limit = 64 * 1024;
  std::size_t read_limit = 64 * 1024 * 1024;
};

// A connection as a file, with Python's names: `Socket::makefile` makes one. It shares descriptor and
// timeout with its socket, and the connection stays open until both are closed. Several may be made of one
// socket; each has buffers of its own, so one reads and another one writes.
//
// The socket has to block, with a timeout or without. The timeout is a deadline for each whole call, however
// many pieces come meanwhile. Used from one thread at a time, but for this: one may read while another
// writes. Throws what Socket throws.
class SocketFile {
 public:
  // The same as `socket.makefile(how)`. No buffer is allocated before it is used. Throws
  // std::invalid_argument for a line limit of 0.
  explicit SocketFile(const Socket& socket, const FileOptions& how = {});
  SocketFile(SocketFile&&) noexcept = default;
  SocketFile& operator=(SocketFile&& other) noexcept;
  // Closes; it may wait for what is buffered to leave, and hides the error when that fails: call `close`
  // to see it.
  ~SocketFile();

  // `size` bytes; fewer only at the end of input. After a Timeout, and after any error when a part had
  // been read already, every further read throws: bytes are missing.
  std::string read(std::size_t size);
  // Everything up to the end of input. Throws SocketError (message_size) beyond `read_limit`.
  std::string read();
  // As much as is there: waits only when there is nothing. Empty at the end of input.
  std::string read1(std::size_t size);
  // Fills `memory`; answers less than its size only at the end of input.
  std::size_t readinto(std::span<char> memory);
  // A line with its '\n', or at the end of input without; empty when there is no more. Of a line over the
  // limit its first part, and then the rest as if it were a line. Throws std::invalid_argument for a limit of
  // 0, whose empty answer would look like the end.
  std::string readline();
  std::string readline(std::size_t limit);
  // The lines that are still to come: `for (const std::string& line : file.lines())`. Of a file with a name:
  // one that goes at the end of the expression would be gone before its first line.
  FileLines lines() &;
  FileLines lines() && = delete;

  // Writes all of it, into the buffer as long as there is room. After an error it is unknown how much was
  // sent.
  void write(std::string_view data);
  // Sends what is buffered, within one timeout. After an error the rest stays buffered.
  void flush();

  // Flushes, and lets go of the socket, also where the flush throws. Closing again is no error; every other
  // call throws afterwards.
  void close();
  bool closed() const { return socket_.fileno() < 0; }
  // -1 when closed.
  int fileno() const { return socket_.fileno(); }

 private:
  void check_open(std::string_view operation) const;
  void check_read(std::string_view operation) const;
  // One call of a user's: what errors name, and by when it is over.
  struct Call;
  // `partly`: something was taken already, and is lost where this fails.
  std::size_t receive(const Call& call, std::span<char> memory, bool partly);
  // Receives into the empty buffer; false at the end of input.
  bool fill(const Call& call, bool partly);
  std::string_view buffered() const { return {input_.get() + begin_, end_ - begin_}; }
  // Up to `size` bytes of the buffer, which are read then.
  std::string_view take(std::size_t size);
  std::string collect(const Call& call, std::size_t size);
  void flush(const Call& call);
  void let_go() noexcept;
  void close_quietly() noexcept;

  Socket socket_;
  FileOptions how_;
  std::unique_ptr<char[]> input_;
  std::size_t begin_ = 0;  // what of the input has been read and not asked for
  std::size_t end_ = 0;
  bool lost_ = false;  // a read failed in its middle
  std::string output_;
};

// The lines of a file, one after another, for a range-based `for`.
class FileLines {
 public:
  class Iterator {
   public:
    using value_type = std::string;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(SocketFile* file) : file_(file) { ++*this; }
    const std::string& operator*() const { return line_; }
    const std::string* operator->() const { return &line_; }
    Iterator& operator++() {
      line_ = file_->readline();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return line_.empty(); }

   private:
    SocketFile* file_;
    std::string line_;
  };

  explicit FileLines(SocketFile& file) : file_(&file) {}
  Iterator begin() const { return Iterator(file_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  SocketFile* file_;
};

inline FileLines SocketFile::lines() & {
  return FileLines(*this);
}

}  // namespace parley
