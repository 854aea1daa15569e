#pragma once

#include "parley/server/forking.h"
#include "parley/server/tcp.h"
#include "parley/server/threading.h"
#include "parley/tls/context.h"

namespace parley::tls {

// A server of TCP connections over TLS: `TlsTcpServer server({"", 8443}, handler<Hello>, context)`. Its
// handlers read and write as those of a TcpServer do; `details(request())` says what was agreed on.
//
// The handshake is the first part of serving a request, in `finish_request`: on the thread or in the process
// that the server's style gives it. Without a style it is on the thread that serves, and a client that says
// nothing keeps the others waiting until its deadline. One that fails ends that request alone, and its error
// goes to `handle_error`, as what a handler throws does; the context counts it.
class TlsTcpServer : public TcpServer {
 public:
  // As TcpServer's. Throws std::logic_error for a client's context.
  TlsTcpServer(const Address& address, HandlerFactory make_handler, const Context& context,
               const ServerSettings& settings = {});

  // How long a client's handshake may take in all. To be set before the server serves.
  Duration handshake_timeout = std::chrono::seconds(10);

  void finish_request(Request& request) override;

 private:
  Context context_;
};

using ThreadingTlsTcpServer = ThreadingMixIn<TlsTcpServer>;
using ForkingTlsTcpServer = ForkingMixIn<TlsTcpServer>;

}  // namespace parley::tls
