#include "parley/reactor/backends/sending_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parley/socket/no_broken_pipe.h"
#include "parley/socket/open_file.h"

namespace parley {

namespace {

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
      result.error = FileFailure::shorter;
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
