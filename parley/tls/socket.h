#pragma once

#include <cstddef>
#include <optional>

#include "parley/socket/socket.h"
#include "parley/tls/context.h"
#include "parley/tls/details.h"

namespace parley::tls {

class SocketTls;

// A socket over TLS, with the names of Python's ssl.SSLSocket: `Context::wrap_socket` makes it. It is a
// Socket: `recv`, `recv_into`, `send`, `sendall`, `sendfile` (which reads the file) and `makefile` are of
// what is encrypted, and the timeout is the deadline of the whole call. Moved into a Socket it stays what it
// is. As with every Socket, one thread may receive while another sends, once the handshake is done.
//
// Receiving throws Error with Failure::truncated where the connection ends without close_notify (RFC 8446,
// section 6.1), with which it ends in order: then what is received is empty. `shutdown` of the sending
// direction sends close_notify, within the timeout, and then ends the kernel's. `close` and the end of the
// object send it too, where the handshake is done, and in the process that made it alone; they wait for room
// in the kernel as long as the timeout says, but 10 seconds at most, and hide what fails.
//
// A send that fails may have left a part of its bytes: `send`, `sendfile` and the files go on where they were
// when the same bytes come again; what else comes is sent behind that part.
//
// What has no meaning over TLS throws: flags std::invalid_argument; `recvfrom`, `recvmsg`, `sendto`,
// `sendmsg` and `dup` std::logic_error. `detach` gives the descriptor away, and what was agreed on is lost.
// Options, addresses and `fileno` are the kernel's socket's.
class TlsSocket : public Socket {
 public:
  TlsSocket(TlsSocket&&) noexcept = default;
  TlsSocket& operator=(TlsSocket&&) noexcept = default;

  // Waits for the handshake; nothing happens where it is done. The first to receive or to send does the same.
  // Throws CertificateError or Error where it fails, after the alert was sent; Timeout, SocketError. From a
  // socket that does not block WouldBlock: it is called again when the socket can be read, or written to
  // where `wants_write`. A plain `recv` waits for reading alone then, a `send` for writing.
  void do_handshake();
  // After a WouldBlock of `do_handshake` or `unwrap`.
  bool wants_write() const;

  // Ends TLS: sends close_notify, waits for the peer's, and gives the plain socket back, whose next bytes
  // come in clear; this one is closed. Throws what `recv` does, and Error where the peer has sent something
  // that nobody has received, or went on in clear before it had our close_notify; the socket stays then. From
  // one that does not block WouldBlock, as above. Throws std::logic_error before the handshake.
  Socket unwrap();

  // How many bytes were taken from the kernel and not received yet. As long as there are any, a wait for the
  // descriptor (`select`) may not tell of them: receive first. Some are still encrypted, and may be a part of
  // a record alone.
  std::size_t pending() const;

  // What was agreed on; before the handshake is done: nothing.
  Details details() const;

 private:
  friend class Context;
  TlsSocket(Socket socket, std::shared_ptr<SocketTls> tls);
  SocketTls& tls(std::string_view operation) const;
};

// What was agreed on over a socket, as in a handler of TlsTcpServer; none: it is a plain one, or closed.
std::optional<Details> details(const Socket& socket);

}  // namespace parley::tls
