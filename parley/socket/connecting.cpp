#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "parley/socket/looking_up.h"
#include "parley/socket/opening.h"
#include "parley/socket/resolve.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/transfer.h"

namespace parley {

namespace {

constexpr int most_aborted = 1000;  // that are passed over by one call

// Puts a timeout into the kernel, for the one call that cannot be waited for with poll.
void set_send_timeout(int descriptor, const timeval& timeout) {
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

timeval send_timeout(int descriptor) {
  timeval timeout{};
  socklen_t size = sizeof timeout;
  ::getsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size);
  return timeout;
}

bool blocks(int descriptor) {
  return (::fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
}

}  // namespace

std::pair<Socket, Address> Socket::accept() {
  RawAddress raw;
  const std::optional<Duration> timeout = getdefaulttimeout();
  const auto descriptor = transfer({"accept", POLLIN}, Deadline(gettimeout()), [&] {
    for (int left = most_aborted;; --left) {
      raw.size = sizeof raw.storage;
      const int accepted =
          accept4(fileno(), raw.data(), &raw.size, SOCK_CLOEXEC | (timeout ? SOCK_NONBLOCK : 0));
      if (accepted >= 0 || !was_aborted(errno) || left == 0) return accepted;
    }
  });
  Socket socket(Descriptor(static_cast<int>(descriptor)), family_, type_, proto_, timeout);
  socket.peer_ = from_raw(raw);
  Address peer = *socket.peer_;
  return {std::move(socket), std::move(peer)};
}

Address Socket::first_address(const Endpoint& endpoint) const {
  // IPv4 for an IPv6 socket is no look-up for the wrong family: the socket may take it.
  if (const auto address = numeric_address(endpoint)) return *address;
  return resolve(endpoint, type_, family_).front();
}

void Socket::connect(const Endpoint& endpoint) {
  if (const std::error_code reason = connect_address(first_address(endpoint))) fail_connect(endpoint, reason);
}

std::error_code Socket::connect_ex(const Endpoint& endpoint) {
  return connect_address(first_address(endpoint));
}

void Socket::disconnect() {
  const sockaddr nobody{AF_UNSPEC, {}};
  if (::connect(fileno(), &nobody, sizeof nobody) != 0) fail("disconnect", errno);
  peer_.reset();
}

void Socket::fail_connect(const Endpoint& endpoint, std::error_code reason) const {
  const std::string whom = concat(endpoint);
  if (reason == std::make_error_code(std::errc::timed_out)) {
    std::optional<Duration> after = gettimeout();
    if (!after) after = getsockopt(options::send_timeout);
    throw Timeout("connect", whom, after.value_or(Duration::zero()));
  }
  if (reason == std::errc::operation_in_progress || reason == std::errc::resource_unavailable_try_again) {
    throw WouldBlock("connect", whom, reason);
  }
  const bool left_over = reason == std::errc::connection_refused && family_ == Family::local;
  throw SocketError("connect", whom, reason,
                    left_over      ? "the socket file is there, but nobody listens on it"
                    : fileno() < 0 ? "the socket is closed"
                                   : "");
}

std::error_code Socket::connect_address(const Address& address) {
  const RawAddress raw = raw_address(address);
  if (getblocking()) require_blocking_allowed("connect");
  const Deadline deadline(gettimeout());
  int error = family_ == Family::local                         ? connect_local(raw, deadline)
              : ::connect(fileno(), raw.data(), raw.size) != 0 ? errno
                                                               : 0;
  // Without a timeout of ours, the kernel's own (send_timeout) may have passed.
  const bool kernel_waits = getblocking() && !gettimeout() && blocks(fileno());
  if (kernel_waits && error == EINPROGRESS) return std::make_error_code(std::errc::timed_out);
  // A call that was interrupted goes on in the kernel; another one would be told that it does.
  if (getblocking() && (error == EINPROGRESS || error == EINTR)) {
    const Deadline end = kernel_waits ? Deadline(getsockopt(options::send_timeout)) : deadline;
    if (!wait_for(fileno(), POLLOUT, end)) return std::make_error_code(std::errc::timed_out);
    error = getsockopt(SOL_SOCKET, SO_ERROR);
  }
  if (error == EAGAIN && family_ == Family::local && getblocking() && (gettimeout() || kernel_waits)) {
    return std::make_error_code(std::errc::timed_out);  // see connect_local
  }
  if (error == 0 && type_ == Type::stream && is_its_own_peer(fileno())) {
    const sockaddr nobody{AF_UNSPEC, {}};  // so that it may be used to connect to somebody else
    error = ::connect(fileno(), &nobody, sizeof nobody) == 0 ? ECONNREFUSED : errno;
  }
  if (error == 0 || error == EINPROGRESS) peer_ = from_raw(raw);
  return {error, std::system_category()};
}

// While the server's queue is full a local socket is refused with EAGAIN, or waits inside the kernel, and
// poll knows nothing of it: so the deadline has to go into the kernel as well.
int Socket::connect_local(const RawAddress& raw, const Deadline& deadline) const {
  const bool timed = gettimeout() && getblocking();
  const timeval before = timed ? send_timeout(fileno()) : timeval{};
  if (timed) fcntl(fileno(), F_SETFL, fcntl(fileno(), F_GETFL) & ~O_NONBLOCK);
  int error = 0;
  do {
    // The kernel counts in ticks, and zero is for ever: with signals coming faster than ticks, only the
    // check below ends this.
    const Duration left = deadline.left().value_or(Duration::zero());
    if (timed) {
      set_send_timeout(fileno(), timeval_up(std::max<Duration>(left, std::chrono::microseconds(1))));
    }
    error = ::connect(fileno(), raw.data(), raw.size) == 0 ? 0 : errno;
    if (error == EINTR && deadline.left() == Duration::zero()) error = EAGAIN;
  } while (error == EINTR || (timed && error == EAGAIN && deadline.left() != Duration::zero()));
  if (timed) {
    set_send_timeout(fileno(), before);
    fcntl(fileno(), F_SETFL, fcntl(fileno(), F_GETFL) | O_NONBLOCK);
  }
  return error;
}

}  // namespace parley
