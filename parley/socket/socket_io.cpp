#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "parley/socket/blocking.h"
#include "parley/socket/resolve.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/socket.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

constexpr std::size_t on_stack = 64 * 1024;

// What accept(2) hands on of a connection's own trouble; the next one may well be fine.
bool was_aborted(int error) {
  switch (error) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

// Puts the timeout into the kernel, for the one call that cannot be waited for with poll.
void set_send_timeout(int descriptor, Duration timeout) {
  const timeval time = timeval_up(timeout);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

}  // namespace

// What is being done, for waiting and for the error message.
struct Socket::Operation {
  std::string_view name;
  short events;
  std::size_t whole = 0;          // what is sent in several calls, so that a failure leaves it half done
  const Address* whom = nullptr;  // where it is not the peer

  std::string advice() const {
    return whole == 0 ? "" : format("how much of the ", whole, " bytes was sent is unknown");
  }
};

// Calls until the call has not been interrupted, and need not wait. It is tried before anything is waited
// for: mostly it can go on at once.
template <class Call>
std::size_t Socket::transfer(const Operation& operation, const Deadline& deadline, Call call) const {
  if (getblocking()) require_blocking_allowed(operation.name);
  for (;;) {
    const auto result = call();
    if (result >= 0) return static_cast<std::size_t>(result);
    if (errno == EINTR) continue;
    if (errno == EAGAIN && getblocking()) {
      if (wait_for(fileno(), operation.events, deadline)) continue;
      throw Timeout(operation.name, where(), gettimeout().value_or(Duration::zero()), operation.advice());
    }
    const int error = errno;
    if (operation.whom == nullptr || error == EAGAIN) fail(operation.name, error, operation.advice());
    throw SocketError(operation.name, format(*operation.whom), {error, std::system_category()});
  }
}

int Socket::message_flags() const {
  return MSG_NOSIGNAL | (gettimeout() ? MSG_DONTWAIT : 0);
}

std::pair<Socket, Address> Socket::accept() {
  RawAddress raw;
  const auto descriptor = transfer({"accept", POLLIN}, Deadline(gettimeout()), [&] {
    int accepted;
    do {
      raw.size = sizeof raw.storage;
      accepted = accept4(fileno(), raw.data(), &raw.size, SOCK_CLOEXEC);
    } while (accepted < 0 && was_aborted(errno));
    return accepted;
  });
  Socket socket(Descriptor(static_cast<int>(descriptor)), family_, type_, proto_);
  socket.peer_ = from_raw(raw);
  Address peer = *socket.peer_;
  return {std::move(socket), std::move(peer)};
}

Address Socket::first_address(const Endpoint& endpoint) const {
  return resolve(endpoint, type_, family_).front();
}

void Socket::connect(const Endpoint& endpoint) {
  if (const std::error_code reason = connect_address(first_address(endpoint))) fail_connect(endpoint, reason);
}

std::error_code Socket::connect_ex(const Endpoint& endpoint) {
  return connect_address(first_address(endpoint));
}

void Socket::fail_connect(const Endpoint& endpoint, std::error_code reason) const {
  const std::string whom = format(endpoint);
  if (gettimeout() && reason == std::make_error_code(std::errc::timed_out))
    throw Timeout("connect", whom, *gettimeout());
  if (reason == std::errc::operation_in_progress || reason == std::errc::resource_unavailable_try_again) {
    throw WouldBlock("connect", whom, reason);
  }
  const bool left_over = reason == std::errc::connection_refused && family_ == Family::local;
  throw SocketError("connect", whom, reason,
                    left_over ? "the socket file is there, but nobody listens on it" : "");
}

std::error_code Socket::connect_address(const Address& address) {
  const RawAddress raw = to_raw(address, family_);
  if (getblocking()) require_blocking_allowed("connect");
  const Deadline deadline(gettimeout());
  int error = family_ == Family::local                         ? connect_local(raw, deadline)
              : ::connect(fileno(), raw.data(), raw.size) != 0 ? errno
                                                               : 0;
  // A call that was interrupted goes on in the kernel; another one would be told that it does.
  if (getblocking() && (error == EINPROGRESS || error == EINTR)) {
    if (!wait_for(fileno(), POLLOUT, deadline)) return std::make_error_code(std::errc::timed_out);
    error = raw_option(SOL_SOCKET, SO_ERROR);
  }
  if (error == EAGAIN && getblocking()) return std::make_error_code(std::errc::timed_out);
  if (error == 0 || error == EINPROGRESS) peer_ = from_raw(raw);
  return {error, std::system_category()};
}

// While the server's queue is full a local socket is refused with EAGAIN, or waits inside the kernel, and
// poll knows nothing of it: so the deadline has to go into the kernel as well.
int Socket::connect_local(const RawAddress& raw, const Deadline& deadline) const {
  const bool timed = gettimeout() && getblocking();
  if (timed) fcntl(fileno(), F_SETFL, fcntl(fileno(), F_GETFL) & ~O_NONBLOCK);
  int error = 0;
  do {
    // The kernel counts in ticks, and zero is for ever: with signals coming faster than ticks, only the
    // check below ends this.
    const Duration left = deadline.left().value_or(Duration::zero());
    if (timed) set_send_timeout(fileno(), std::max<Duration>(left, std::chrono::microseconds(1)));
    error = ::connect(fileno(), raw.data(), raw.size) == 0 ? 0 : errno;
    if (error == EINTR && deadline.left() == Duration::zero()) error = EAGAIN;
  } while (error == EINTR || (timed && error == EAGAIN && deadline.left() != Duration::zero()));
  if (timed) {
    set_send_timeout(fileno(), Duration::zero());
    fcntl(fileno(), F_SETFL, fcntl(fileno(), F_GETFL) | O_NONBLOCK);
  }
  return error;
}

// A string cannot be made without writing all of it once: what is received is copied into one of its
// length, which costs nothing beside zeroing the 64 KiB that a small read does not fill.
std::string Socket::recv(std::size_t size) {
  if (size <= on_stack) {
    char memory[on_stack];
    return std::string(memory, recv_into({memory, size}));
  }
  const auto memory = std::make_unique_for_overwrite<char[]>(size);
  return std::string(memory.get(), recv_into({memory.get(), size}));
}

std::size_t Socket::recv_into(std::span<char> memory) {
  return transfer({"recv", POLLIN}, Deadline(gettimeout()),
                  [&] { return ::recv(fileno(), memory.data(), memory.size(), message_flags()); });
}

std::pair<std::string, Address> Socket::recvfrom(std::size_t size) {
  std::string data(size, '\0');
  auto [received, sender] = recvfrom_into(data);
  data.resize(received);
  return {std::move(data), std::move(sender)};
}

std::pair<std::size_t, Address> Socket::recvfrom_into(std::span<char> memory) {
  RawAddress raw;
  const std::size_t received = transfer({"recvfrom", POLLIN}, Deadline(gettimeout()), [&] {
    raw.size = sizeof raw.storage;
    return ::recvfrom(fileno(), memory.data(), memory.size(), message_flags(), raw.data(), &raw.size);
  });
  return {received, from_raw(raw)};
}

std::size_t Socket::send(std::string_view data) {
  return transfer({"send", POLLOUT}, Deadline(gettimeout()),
                  [&] { return ::send(fileno(), data.data(), data.size(), message_flags()); });
}

void Socket::sendall(std::string_view data) {
  send_rest("sendall", data);
}

void Socket::send_rest(std::string_view name, std::string_view& data) {
  const Operation operation{name, POLLOUT, data.size()};
  const Deadline deadline(gettimeout());
  do {
    data.remove_prefix(transfer(operation, deadline,
                                [&] { return ::send(fileno(), data.data(), data.size(), message_flags()); }));
  } while (!data.empty());
}

std::size_t Socket::sendto(std::string_view data, const Address& address) {
  const RawAddress raw = to_raw(address, family_);
  return transfer({"sendto", POLLOUT, 0, &address}, Deadline(gettimeout()), [&] {
    return ::sendto(fileno(), data.data(), data.size(), message_flags(), raw.data(), raw.size);
  });
}

}  // namespace parley
