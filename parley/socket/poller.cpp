#include "parley/socket/poller.h"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <unistd.h>

#include "parley/base/print.h"
#include "parley/socket/error.h"
#include "parley/socket/poller_table.h"

namespace parley {

std::unique_ptr<Poller> make_poller(PollerKind kind) {
  switch (kind) {
    case PollerKind::select:
      return make_select_poller();
    case PollerKind::poll:
      return make_poll_poller();
    case PollerKind::epoll:
      return make_epoll_poller();
  }
  throw std::invalid_argument(concat("there is no kind of poller ", static_cast<int>(kind)));
}

bool is_open(int descriptor) noexcept {
  return descriptor >= 0 && fcntl(descriptor, F_GETFD) >= 0;
}

void require_open(int descriptor) {
  if (!is_open(descriptor)) fail_watching(descriptor, EBADF, "it is closed");
}

void fail_watching(int descriptor, int error, const char* advice) {
  throw SocketError("watch", concat("descriptor ", descriptor), {error, std::system_category()}, advice);
}

Wakeup::Wakeup() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!descriptor_) throw SocketError("eventfd", "", {errno, std::system_category()});
}

// The number is replaced at once: whoever signals meanwhile finds one of the two, and never a closed one.
void Wakeup::renew() const {
  const Descriptor own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!own || dup3(own.get(), descriptor_.get(), O_CLOEXEC) < 0) {
    throw SocketError("eventfd", "", {errno, std::system_category()});
  }
}

void Wakeup::signal() const noexcept {
  const int kept = errno;  // a signal handler must leave it as it was
  const std::uint64_t one = 1;
  while (write(descriptor_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  errno = kept;
}

void Wakeup::clear() const noexcept {
  std::uint64_t count;
  while (read(descriptor_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace parley
