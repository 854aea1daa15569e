#include "parley/socket/descriptors.h"

#include <atomic>
#include <cerrno>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley {

namespace {

std::atomic<std::size_t> before_raise = 0;  // 0: it was not raised

// Not /dev/null: it may be missing in a chroot, and a second descriptor of the same file would not help
// when the whole system is out of files.
Descriptor open_spare() {
  return Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void say_and_close(Descriptor peer, std::string_view words) {
  (void)send(peer.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(peer.get(), SHUT_WR);
  // Closing with unread input resets the connection, and the peer would lose the words.
  char ignored[4096];
  for (int i = 0; i < 16 && recv(peer.get(), ignored, sizeof ignored, MSG_DONTWAIT) > 0; ++i) {
  }
}

}  // namespace

void Descriptor::reset(int descriptor) noexcept {
  const int old = std::exchange(descriptor_, descriptor);
  if (old < 0) return;
  const int kept = errno;
  close(old);  // not again on EINTR: Linux has closed it by then, and the number may be someone else's
  errno = kept;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur == limit.rlim_max) return limit.rlim_cur;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    before_raise = limit.rlim_cur;
    limit = raised;
  }
  return limit.rlim_cur;
}

// Whoever has set another limit since wants that one.
std::optional<std::size_t> descriptor_limit_before() noexcept {
  const std::size_t before = before_raise;
  rlimit limit{};
  if (before == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  if (limit.rlim_cur != limit.rlim_max || before >= limit.rlim_max) return std::nullopt;
  return before;
}

ReserveDescriptor::ReserveDescriptor() : spare_(open_spare()) {}

bool ReserveDescriptor::refuse(int listening, std::string_view words) noexcept {
  if (!spare_) spare_ = open_spare();
  if (!spare_) return false;
  spare_.reset();
  Descriptor peer(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const bool accepted = static_cast<bool>(peer);
  if (accepted) say_and_close(std::move(peer), words);
  spare_ = open_spare();
  return accepted;
}

}  // namespace parley
