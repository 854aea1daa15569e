#include "parley/socket/socket.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include "parley/socket/layer.h"
#include "parley/socket/opening.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

// In nanoseconds; none is negative.
constinit std::atomic<Duration::rep> default_timeout{-1};

Descriptor opened(Family family, Type type, int proto, bool blocking) {
  const int kind = kind_of(type) | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK);
  Descriptor descriptor(::socket(domain_of(family), kind, proto));
  if (!descriptor) {
    const int error = errno;
    const bool privilege = type == Type::raw && (error == EPERM || error == EACCES);
    throw SocketError("socket", concat(family, ' ', type), {error, std::system_category()},
                      privilege ? "raw sockets need a privilege: CAP_NET_RAW" : "");
  }
  return descriptor;
}

int direction_of(Shutdown how) {
  switch (how) {
    case Shutdown::read:
      return SHUT_RD;
    case Shutdown::write:
      return SHUT_WR;
    case Shutdown::both:
      return SHUT_RDWR;
  }
  throw std::invalid_argument(concat("shutdown: there is no direction ", static_cast<int>(how)));
}

// What to do about an error of binding, or of listening; `at` is where to.
std::string_view bind_advice(int descriptor, const Address& at, Family family, int error) {
  if (error == EBADF && descriptor < 0) return "the socket is closed";
  if (error == EACCES && at.port() != 0 && at.port() < 1024) return "ports below 1024 need a privilege";
  if (error == EADDRNOTAVAIL) return "no interface here has this address";
  if (error != EADDRINUSE) return "";
  if (is_left_over(at)) return "a socket file that is left over has to be removed";
  const std::error_code reason = why_in_use(descriptor, at, family);
  const bool known = family == Family::local || reason.category() == opening_category();
  return known ? advice_on_opening(reason) : "";
}

}  // namespace

std::optional<Duration> getdefaulttimeout() noexcept {
  const Duration::rep timeout = default_timeout.load(std::memory_order_relaxed);
  return timeout < 0 ? std::nullopt : std::optional<Duration>(timeout);
}

void setdefaulttimeout(std::optional<Duration> timeout) {
  if (timeout && *timeout < Duration::zero()) {
    throw std::invalid_argument("setdefaulttimeout: a negative timeout");
  }
  default_timeout.store(timeout ? timeout->count() : -1, std::memory_order_relaxed);
}

Socket::Socket(Family family, Type type, int proto) : family_(family), type_(type), proto_(proto) {
  const std::optional<Duration> timeout = getdefaulttimeout();
  open_ = std::make_shared<Open>(opened(family, type, proto, !timeout), timeout);
}

Socket::Socket(Descriptor descriptor, Family family, Type type, int proto, std::optional<Duration> timeout)
    : open_(std::make_shared<Open>(std::move(descriptor), timeout)),
      family_(family),
      type_(type),
      proto_(proto) {}

int Socket::detach() {
  const int descriptor = open_ ? open_->descriptor.release() : -1;
  open_.reset();
  return descriptor;
}

Socket Socket::adopt(int descriptor) {
  Socket socket(Descriptor(descriptor), Family::unspecified, Type::stream, 0, std::nullopt);
  try {
    socket.family_ = family_of(socket.getsockopt(SOL_SOCKET, SO_DOMAIN));
    const int kind = socket.getsockopt(SOL_SOCKET, SO_TYPE);
    const std::optional<Type> type = type_of(kind);
    if (!type) socket.fail("adopt", EPROTOTYPE);
    socket.type_ = *type;
    socket.proto_ = socket.getsockopt(SOL_SOCKET, SO_PROTOCOL);
    const bool blocking = (fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
    if (!blocking) socket.open_->timeout = Duration::zero();
    if (const auto timeout = getdefaulttimeout(); blocking && timeout) socket.settimeout(timeout);
  } catch (const SocketError& error) {
    socket.detach();
    throw SocketError("adopt", concat("descriptor ", descriptor), error.code());
  }
  RawAddress peer;
  if (::getpeername(descriptor, peer.data(), &peer.size) == 0) socket.peer_ = from_raw(peer);
  return socket;
}

void Socket::bind(const Address& address) {
  const RawAddress raw = raw_address(address);
  if (::bind(fileno(), raw.data(), raw.size) == 0) return;
  const int error = errno;
  throw SocketError("bind", concat(from_raw(raw)), {error, std::system_category()},
                    bind_advice(fileno(), address, family_, error));
}

void Socket::listen(int backlog) {
  // The kernel would take a negative one for the largest.
  if (::listen(fileno(), std::max(backlog, 0)) == 0) return;
  const int error = errno;
  if (error != EADDRINUSE) fail("listen", error);
  const Address at = getsockname();  // two may be bound to it, of whom one listens
  throw SocketError("listen", concat(at), {error, std::system_category()},
                    bind_advice(fileno(), at, family_, error));
}

void Socket::shutdown(Shutdown how) {
  const int direction = direction_of(how);
  if (has_layer()) open_->layer->shutdown(SocketLayer::Call(*this, "shutdown"), how);
  if (::shutdown(fileno(), direction) != 0) fail("shutdown", errno);
}

Socket Socket::dup() const {
  require_no_layer("dup");
  Descriptor copy(fcntl(fileno(), F_DUPFD_CLOEXEC, 0));
  if (!copy) fail("dup", errno);
  Socket socket(std::move(copy), family_, type_, proto_, gettimeout());
  socket.peer_ = peer_;
  return socket;
}

Address Socket::getpeername() const {
  RawAddress raw;
  if (::getpeername(fileno(), raw.data(), &raw.size) != 0) fail("getpeername", errno);
  return from_raw(raw);
}

Address Socket::getsockname() const {
  RawAddress raw;
  if (::getsockname(fileno(), raw.data(), &raw.size) != 0) fail("getsockname", errno);
  return from_raw(raw);
}

void Socket::setblocking(bool blocking) {
  set_timeout("setblocking", blocking ? std::nullopt : std::optional(Duration::zero()));
}

void Socket::settimeout(std::optional<Duration> timeout) {
  set_timeout("settimeout", timeout);
}

void Socket::set_timeout(std::string_view operation, std::optional<Duration> timeout) {
  if (timeout && *timeout < Duration::zero())
    throw std::invalid_argument(concat(operation, ": a negative timeout"));
  // With a timeout too, for accept and connect, which cannot be told not to wait each time.
  const int flags = fcntl(fileno(), F_GETFL);
  const int wanted = timeout ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || (wanted != flags && fcntl(fileno(), F_SETFL, wanted) != 0)) fail(operation, errno);
  open_->timeout = timeout;
}

void Socket::set_inheritable(bool inheritable) {
  if (fcntl(fileno(), F_SETFD, inheritable ? 0 : FD_CLOEXEC) != 0) fail("set_inheritable", errno);
}

bool Socket::get_inheritable() const {
  const int flags = fcntl(fileno(), F_GETFD);
  if (flags < 0) fail("get_inheritable", errno);
  return (flags & FD_CLOEXEC) == 0;
}

void Socket::fail(std::string_view operation, int error, std::string_view advice) const {
  if (error == EBADF && fileno() < 0) advice = "the socket is closed";
  const std::error_code reason(error, std::system_category());
  if (error == EAGAIN) throw WouldBlock(operation, where(), reason, advice);
  throw SocketError(operation, where(), reason, advice);
}

std::string Socket::where() const {
  if (peer_) return concat(*peer_);
  RawAddress raw;
  if (::getsockname(fileno(), raw.data(), &raw.size) != 0) return "";
  const Address own = from_raw(raw);
  return own.port() != 0 || !own.path().empty() ? concat("at ", own) : "";
}

RawAddress Socket::raw_address(const Address& address) const {
  const RawAddress raw = to_raw(address, family_);
  if (family_ != Family::inet6 || address.family() != Family::inet || !takes_ipv6_alone(fileno())) return raw;
  throw AddressError(
      concat(address, " is an address of family inet, and the socket takes inet6 alone (v6_only)"));
}

}  // namespace parley
