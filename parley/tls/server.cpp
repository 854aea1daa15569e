#include "parley/tls/server.h"

#include <stdexcept>
#include <utility>

#include "parley/tls/socket.h"

namespace parley::tls {

namespace {

// Before the port is bound.
void require_server(const Context& context) {
  if (context.role() != Role::server) {
    throw std::logic_error("TlsTcpServer: a client's context cannot serve");
  }
}

}  // namespace

TlsTcpServer::TlsTcpServer(const Address& address, HandlerFactory make_handler, const Context& context,
                           const ServerSettings& settings)
    : TcpServer((require_server(context), address), std::move(make_handler), settings), context_(context) {}

void TlsTcpServer::finish_request(Request& request) {
  Socket& connection =
      *request.connection;  // NOLINT(bugprone-unchecked-optional-access): of TCP each has one
  const std::optional<Duration> own = connection.gettimeout();
  TlsSocket wrapped = context_.wrap_socket(std::move(connection), {.do_handshake_on_connect = false});
  try {
    wrapped.settimeout(handshake_timeout);
    wrapped.do_handshake();
    wrapped.settimeout(own);
  } catch (...) {
    connection = std::move(wrapped);  // to be closed as every request is
    throw;
  }
  connection = std::move(wrapped);
  TcpServer::finish_request(request);
}

}  // namespace parley::tls
