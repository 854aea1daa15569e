#include "parley/process/standard_descriptors.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace parley {

void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest that is free: this one.
    if (::open("/dev/null", O_RDWR) < 0) {
      throw std::system_error(errno, std::generic_category(), "open /dev/null");
    }
  }
}

}  // namespace parley
