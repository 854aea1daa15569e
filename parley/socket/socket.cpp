#include "parley/socket/socket.h"

#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

Descriptor opened(Family family, Type type, int proto) {
  Descriptor descriptor(::socket(domain_of(family), kind_of(type) | SOCK_CLOEXEC, proto));
  if (!descriptor) {
    const int error = errno;
    const bool privilege = type == Type::raw && (error == EPERM || error == EACCES);
    throw SocketError("socket", format(family, ' ', type), {error, std::system_category()},
                      privilege ? "raw sockets need a privilege: CAP_NET_RAW" : "");
  }
  return descriptor;
}

std::string_view bind_advice(const Address& address, int error) {
  if (error == EACCES && address.port() != 0 && address.port() < 1024) {
    return "ports below 1024 need a privilege";
  }
  if (error == EADDRINUSE && address.family() == Family::local && address.path().front() != '\0') {
    return "a socket file that is left over has to be removed";
  }
  if (error == EADDRNOTAVAIL) return "no interface here has this address";
  return "";
}

}  // namespace

Socket::Socket(Family family, Type type, int proto)
    : Socket(opened(family, type, proto), family, type, proto) {}

Socket::Socket(Descriptor descriptor, Family family, Type type, int proto)
    : open_(std::make_shared<Open>()), family_(family), type_(type), proto_(proto) {
  open_->descriptor = std::move(descriptor);
}

int Socket::detach() {
  const int descriptor = open_ ? open_->descriptor.release() : -1;
  open_.reset();
  return descriptor;
}

Socket Socket::adopt(int descriptor) {
  Socket socket(Descriptor(descriptor), Family::unspecified, Type::stream, 0);
  try {
    socket.family_ = family_of(socket.raw_option(SOL_SOCKET, SO_DOMAIN));
    socket.type_ = type_of(socket.raw_option(SOL_SOCKET, SO_TYPE));
    socket.proto_ = socket.raw_option(SOL_SOCKET, SO_PROTOCOL);
  } catch (const SocketError& error) {
    socket.detach();
    throw SocketError("adopt", format("descriptor ", descriptor), error.code());
  }
  if ((fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0) socket.open_->timeout = Duration::zero();
  RawAddress peer;
  if (::getpeername(descriptor, peer.data(), &peer.size) == 0) socket.peer_ = from_raw(peer);
  return socket;
}

void Socket::bind(const Address& address) {
  const RawAddress raw = to_raw(address, family_);
  if (::bind(fileno(), raw.data(), raw.size) == 0) return;
  const int error = errno;
  throw SocketError("bind", format(from_raw(raw)), {error, std::system_category()},
                    bind_advice(address, error));
}

void Socket::listen(int backlog) {
  if (::listen(fileno(), backlog) != 0) fail("listen", errno);
}

void Socket::shutdown(Shutdown how) {
  const int direction = how == Shutdown::read ? SHUT_RD : how == Shutdown::write ? SHUT_WR : SHUT_RDWR;
  if (::shutdown(fileno(), direction) != 0) fail("shutdown", errno);
}

Socket Socket::dup() const {
  Descriptor copy(fcntl(fileno(), F_DUPFD_CLOEXEC, 0));
  if (!copy) fail("dup", errno);
  Socket socket(std::move(copy), family_, type_, proto_);
  socket.open_->timeout = gettimeout();
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
  settimeout(blocking ? std::nullopt : std::optional(Duration::zero()));
}

void Socket::settimeout(std::optional<Duration> timeout) {
  if (timeout && *timeout < Duration::zero()) throw std::invalid_argument("settimeout: a negative timeout");
  // With a timeout too, for accept and connect, which cannot be told not to wait each time.
  const int flags = fcntl(fileno(), F_GETFL);
  const int wanted = timeout ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || (wanted != flags && fcntl(fileno(), F_SETFL, wanted) != 0)) fail("settimeout", errno);
  open_->timeout = timeout;
}

void Socket::fail(std::string_view operation, int error, std::string_view advice) const {
  if (error == EBADF && fileno() < 0) advice = "the socket is closed";
  if (error == EMFILE) advice = "this process may open no more descriptors: see ulimit -n";
  const std::error_code reason(error, std::system_category());
  if (error == EAGAIN) throw WouldBlock(operation, where(), reason, advice);
  throw SocketError(operation, where(), reason, advice);
}

std::string Socket::where() const {
  if (peer_) return format(*peer_);
  RawAddress raw;
  if (::getsockname(fileno(), raw.data(), &raw.size) != 0) return "";
  const Address own = from_raw(raw);
  return own.port() != 0 || !own.path().empty() ? format(own) : "";
}

void Socket::set_raw_option(int level, int name, const void* value, std::size_t size) {
  if (::setsockopt(fileno(), level, name, value, static_cast<socklen_t>(size)) == 0) return;
  const int error = errno;
  throw SocketError("setsockopt", format("option ", name, " of level ", level),
                    {error, std::system_category()});
}

int Socket::raw_option(int level, int name) const {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fileno(), level, name, &value, &size) == 0) return value;
  const int error = errno;
  throw SocketError("getsockopt", format("option ", name, " of level ", level),
                    {error, std::system_category()});
}

void Socket::setsockopt(const Option<bool>& option, bool value) {
  setsockopt(Option<int>{option.level, option.name}, value ? 1 : 0);
}

void Socket::setsockopt(const Option<int>& option, int value) {
  set_raw_option(option.level, option.name, &value, sizeof value);
}

void Socket::setsockopt(const Option<std::chrono::seconds>& option, std::chrono::seconds value) {
  if (value.count() > std::numeric_limits<int>::max())
    throw std::invalid_argument("setsockopt: too many seconds");
  setsockopt(Option<int>{option.level, option.name}, static_cast<int>(value.count()));
}

void Socket::setsockopt(const Option<std::chrono::milliseconds>& option, std::chrono::milliseconds value) {
  if (value.count() > std::numeric_limits<int>::max()) {
    throw std::invalid_argument("setsockopt: too many milliseconds");
  }
  setsockopt(Option<int>{option.level, option.name}, static_cast<int>(value.count()));
}

void Socket::setsockopt(const Option<std::optional<std::chrono::seconds>>& option,
                        std::optional<std::chrono::seconds> value) {
  const ::linger raw{value ? 1 : 0, value ? static_cast<int>(value->count()) : 0};
  set_raw_option(option.level, option.name, &raw, sizeof raw);
}

bool Socket::getsockopt(const Option<bool>& option) const {
  return raw_option(option.level, option.name) != 0;
}

int Socket::getsockopt(const Option<int>& option) const {
  return raw_option(option.level, option.name);
}

std::chrono::seconds Socket::getsockopt(const Option<std::chrono::seconds>& option) const {
  return std::chrono::seconds(raw_option(option.level, option.name));
}

std::chrono::milliseconds Socket::getsockopt(const Option<std::chrono::milliseconds>& option) const {
  return std::chrono::milliseconds(raw_option(option.level, option.name));
}

std::optional<std::chrono::seconds> Socket::getsockopt(
    const Option<std::optional<std::chrono::seconds>>& option) const {
  ::linger raw{};
  socklen_t size = sizeof raw;
  if (::getsockopt(fileno(), option.level, option.name, &raw, &size) != 0) fail("getsockopt", errno);
  return raw.l_onoff != 0 ? std::optional(std::chrono::seconds(raw.l_linger)) : std::nullopt;
}

std::error_code Socket::getsockopt(const Option<std::error_code>& option) const {
  return {raw_option(option.level, option.name), std::system_category()};
}

}  // namespace parley
