#include "parley/tls/socket.h"

#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/tls/socket_tls.h"

namespace parley::tls {

TlsSocket::TlsSocket(Socket socket, std::shared_ptr<SocketTls> tls) : Socket(std::move(socket)) {
  SocketLayer::put(*this, std::move(tls));
}

SocketTls& TlsSocket::tls(std::string_view operation) const {
  if (SocketLayer* const layer = SocketLayer::of(*this)) return static_cast<SocketTls&>(*layer);
  throw SocketError(operation, "", std::make_error_code(std::errc::bad_file_descriptor),
                    "the socket is closed");
}

void TlsSocket::do_handshake() {
  constexpr std::string_view name = "TLS handshake";
  tls(name).handshake(SocketLayer::Call(*this, name));
}

bool TlsSocket::wants_write() const {
  return tls("wants_write").wants_write();
}

Socket TlsSocket::unwrap() {
  tls("unwrap").unwrap(SocketLayer::Call(*this, "unwrap"));
  SocketLayer::put(*this, nullptr);
  return std::move(*this);
}

std::size_t TlsSocket::pending() const {
  return tls("pending").pending();
}

Details TlsSocket::details() const {
  return tls("details").details();
}

std::optional<Details> details(const Socket& socket) {
  const auto* const tls = dynamic_cast<const SocketTls*>(SocketLayer::of(socket));
  if (tls == nullptr) return std::nullopt;
  return tls->details();
}

namespace {

void require_can_be_wrapped(const Socket& socket, const WrapOptions& how) {
  if (socket.type() != Type::stream) {
    throw std::invalid_argument("wrap_socket: TLS is spoken over streams alone");
  }
  if (SocketLayer::of(socket) != nullptr) {
    throw std::invalid_argument("wrap_socket: the socket has TLS already");
  }
  if (socket.fileno() < 0) throw std::invalid_argument("wrap_socket: the socket is closed");
  if (how.do_handshake_on_connect && !socket.getblocking()) {
    throw std::invalid_argument(
        "wrap_socket: the socket does not block, and cannot wait for its handshake: do_handshake_on_connect");
  }
}

}  // namespace

TlsSocket Context::wrap_socket(Socket socket, const WrapOptions& how) const {
  if (role() != Role::server) {
    throw std::logic_error(
        "wrap_socket: a client's context needs the name of the server that it reaches for");
  }
  require_can_be_wrapped(socket, how);
  TlsSocket wrapped(std::move(socket), std::make_shared<SocketTls>(state_, std::string()));
  if (how.do_handshake_on_connect) wrapped.do_handshake();
  return wrapped;
}

TlsSocket Context::wrap_socket(Socket socket, std::string_view server_hostname,
                               const WrapOptions& how) const {
  if (role() != Role::client) throw std::logic_error("wrap_socket: a server's context reaches for nobody");
  require_can_be_wrapped(socket, how);
  TlsSocket wrapped(std::move(socket), std::make_shared<SocketTls>(state_, checked_host(server_hostname)));
  if (how.do_handshake_on_connect) wrapped.do_handshake();
  return wrapped;
}

}  // namespace parley::tls
