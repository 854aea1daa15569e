#include <algorithm>
#include <limits>
#include <stdexcept>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parley/socket/no_broken_pipe.h"
#include "parley/socket/transfer.h"

namespace parley {

namespace {

constexpr std::uint64_t at_once = 1U << 30U;  // what the kernel is asked to send by one call
constexpr std::size_t piece = 64 * 1024;      // what is read by one where it cannot
constexpr std::uint64_t most_bytes = std::numeric_limits<off_t>::max();  // of a file

// Leaves a file's position after what was sent of it.
class Position {
 public:
  Position(int file, std::uint64_t offset, const std::uint64_t& sent)
      : file_(file), offset_(offset), sent_(sent) {}
  ~Position() { lseek(file_, static_cast<off_t>(offset_ + sent_), SEEK_SET); }
  Position(const Position&) = delete;
  Position& operator=(const Position&) = delete;

 private:
  int file_;
  std::uint64_t offset_;
  const std::uint64_t& sent_;
};

}  // namespace

std::uint64_t Socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
  if (type_ != Type::stream) throw std::invalid_argument("sendfile: only a stream socket can send a file");
  if (!getblocking()) throw std::invalid_argument("sendfile: the socket does not block (settimeout)");
  if (offset > most_bytes) throw std::invalid_argument(concat("sendfile: no file has an offset of ", offset));
  if (fileno() < 0) fail("sendfile", EBADF);  // also where there is nothing to send
  struct stat about{};
  if (fstat(file, &about) != 0) {
    throw SocketError("sendfile", concat("descriptor ", file), {errno, std::system_category()});
  }
  std::uint64_t sent = 0;
  const bool seekable = lseek(file, 0, SEEK_CUR) >= 0;
  const Position position(file, offset, sent);
  const Deadline deadline(gettimeout());
  std::uint64_t rest = std::min(count.value_or(most_bytes), most_bytes - offset);
  if (!S_ISREG(about.st_mode) || has_layer()) {
    send_read(file, offset, seekable, rest, deadline, sent);
    return sent;
  }

  const NoBrokenPipe quiet;
  bool able = true;
  while (rest > 0) {
    const auto send_some = [&]() -> ssize_t {
      auto at = static_cast<off_t>(offset + sent);
      const ssize_t result = ::sendfile(fileno(), file, &at, std::min(rest, at_once));
      able = result >= 0 || (errno != EINVAL && errno != ENOSYS);
      return able ? result : 0;
    };
    const std::uint64_t step = transfer({"sendfile", POLLOUT}, deadline, send_some);
    if (!able) send_read(file, offset, seekable, rest, deadline, sent);
    if (!able || step == 0) break;
    sent += step;
    rest -= step;
  }
  return sent;
}

void Socket::send_read(int file, std::uint64_t offset, bool seekable, std::uint64_t count,
                       const Deadline& deadline, std::uint64_t& sent) {
  require_blocking_allowed("sendfile");
  const auto memory = std::make_unique_for_overwrite<char[]>(piece);
  while (count > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(count, piece);
    const ssize_t have = seekable || offset != 0
                             ? ::pread(file, memory.get(), wanted, static_cast<off_t>(offset + sent))
                             : ::read(file, memory.get(), wanted);
    if (have < 0 && errno == EINTR) continue;
    if (have < 0) {
      throw SocketError("sendfile", concat("reading descriptor ", file), {errno, std::system_category()});
    }
    if (have == 0) break;
    std::string_view rest(memory.get(), static_cast<std::size_t>(have));
    try {
      send_rest("sendfile", rest, deadline);
    } catch (...) {
      sent += static_cast<std::size_t>(have) - rest.size();
      throw;
    }
    sent += static_cast<std::size_t>(have);
    count -= static_cast<std::size_t>(have);
  }
}

}  // namespace parley
