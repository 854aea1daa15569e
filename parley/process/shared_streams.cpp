#include "parley/process/shared_streams.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/limits.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"

namespace parley {

SharedStream own_stream(int number, bool writes) {
  struct stat what{};
  SharedStream stream;
  if (::fstat(number, &what) == 0) {
    if (S_ISFIFO(what.st_mode) || (S_ISCHR(what.st_mode) && ::isatty(number) == 1)) {
      const std::string path = concat("/proc/self/fd/", number);
      stream.descriptor = Descriptor(
          ::open(path.c_str(), (writes ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    }
    if (!stream.descriptor) stream.descriptor = Descriptor(::fcntl(number, F_DUPFD_CLOEXEC, 0));
  }
  if (!stream.descriptor) {
    throw std::system_error(
        errno, std::generic_category(),
        concat("standard_io: descriptor ", number, writes ? ", the output" : ", the input"));
  }
  const bool blocks = (::fcntl(stream.descriptor.get(), F_GETFL) & O_NONBLOCK) == 0;
  stream.at_once = blocks && !S_ISREG(what.st_mode) ? PIPE_BUF : 64UL * 1024;
  stream.tells_hang_up = writes && S_ISFIFO(what.st_mode);
  return stream;
}

void end_output(Descriptor& own, int number) noexcept {
  ::shutdown(own.get(), SHUT_WR);  // where it is no socket, it says so and does nothing
  own.reset();
  const Descriptor null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (null) ::dup3(null.get(), number, number > STDERR_FILENO ? O_CLOEXEC : 0);
}

}  // namespace parley
