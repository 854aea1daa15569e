#include "parley/reactor/backends/sending_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley {

namespace {

// sendfile(2) knows no MSG_NOSIGNAL: its SIGPIPE is held back while this stands, and taken away. One that
// was pending before is left.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoBrokenPipe() {
    const timespec now{};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

// For files that the kernel cannot send from its own memory.
ssize_t send_read(int socket, int file, off_t at, std::size_t count) {
  std::array<char, 16384> piece;
  const ssize_t got = ::pread(file, piece.data(), std::min(count, piece.size()), at);
  if (got <= 0) return got;
  return ::send(socket, piece.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
}

}  // namespace

FileSent send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept {
  const NoBrokenPipe quiet;
  FileSent result;
  bool able = true;
  while (result.taken < count) {
    auto at = static_cast<off_t>(offset + result.taken);
    const std::size_t rest = count - result.taken;
    const ssize_t sent = able ? ::sendfile(socket, file, &at, rest) : send_read(socket, file, at, rest);
    if (sent > 0) {
      result.taken += static_cast<std::size_t>(sent);
    } else if (sent == 0) {
      result.error = std::make_error_code(std::errc::io_error);
      break;
    } else if (able && (errno == EINVAL || errno == ENOSYS)) {
      able = false;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      break;
    } else if (errno != EINTR) {
      result.error = {errno, std::system_category()};
      break;
    }
  }
  return result;
}

}  // namespace parley
