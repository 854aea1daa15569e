#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "parley/reactor/backends/readiness.h"

namespace parley {

namespace {

struct Number {
  int level;
  int name;
};

Number number_of(StreamOption what) {
  return what == StreamOption::no_delay ? Number{IPPROTO_TCP, TCP_NODELAY} : Number{SOL_SOCKET, SO_KEEPALIVE};
}

Result<int> get(int descriptor, Number option) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(descriptor, option.level, option.name, &value, &size) == 0) return value;
  return std::error_code(errno, std::system_category());
}

// The kernel takes SO_KEEPALIVE of every socket, and does nothing about it where it is not TCP.
std::error_code require_tcp(int descriptor) {
  const Result<int> domain = get(descriptor, {SOL_SOCKET, SO_DOMAIN});
  if (!domain) return domain.error();
  return *domain != AF_UNIX ? std::error_code() : std::make_error_code(std::errc::operation_not_supported);
}

}  // namespace

std::error_code ReadinessBackend::set_option(StreamSlot& slot, StreamOption what, bool on) {
  const int descriptor = slot.handle.native;
  if (const std::error_code error = require_tcp(descriptor)) return error;
  const Number option = number_of(what);
  const int value = on ? 1 : 0;
  if (::setsockopt(descriptor, option.level, option.name, &value, sizeof value) == 0) return {};
  return {errno, std::system_category()};
}

Result<bool> ReadinessBackend::option(const StreamSlot& slot, StreamOption what) const {
  const int descriptor = slot.handle.native;
  if (const std::error_code error = require_tcp(descriptor)) return error;
  const Result<int> value = get(descriptor, number_of(what));
  if (!value) return value.error();
  return *value != 0;
}

}  // namespace parley
