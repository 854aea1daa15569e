#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/connector.h"
#include "parley/socket/address.h"
#include "parley/stream/server.h"
#include "parley/stream/stream.h"
#include "parley/stream/task.h"
#include "parley/tls/context.h"
#include "parley/tls/details.h"
#include "parley/tls/error.h"
#include "parley/tls/filter.h"

namespace parley {

namespace tls {

// The context that `connect_tls` uses where it is given none: `Context::client()`, made once. What servers
// have given to resume sessions with is kept in it. Thread: any.
const Context& default_client();

// What becomes of what has come in clear, behind the line that asks for TLS, before that begins. Whoever
// stands in between may have put it there (CVE-2011-0411): it never reaches the program as if it had come
// encrypted.
enum class Cleartext : std::uint8_t {
  dropped,
  refused,  // `start_tls` throws Error, Failure::cleartext, and the connection is aborted
};

// What was agreed on; nothing where there is no TLS under the stream, or the connection is gone.
std::optional<Details> details(const Stream& stream);

namespace detail {
Wrap under(Wrap tls, Wrap above);
}  // namespace detail

}  // namespace tls

// `connect`, with TLS: the certificate is checked, and its name against the endpoint's host. What
// `settings.wrap` makes stands above TLS. Throws what `connect` throws, tls::CertificateError and tls::Error.
Task<Stream> connect_tls(Endpoint to, ConnectSettings settings = {});
Task<Stream> connect_tls(Endpoint to, tls::Context context, ConnectSettings settings = {});

// `serve_tcp`, with TLS. The handler is called when a handshake is done. What `settings.wrap` makes stands
// above TLS. Throws std::logic_error for a client's context.
template <class Handle>
Task<> serve_tls(Address address, tls::Context context, Handle handle, ServeSettings settings = {}) {
  settings.wrap = tls::detail::under(context.wrap(), std::move(settings.wrap));
  co_await serve_tcp(std::move(address), std::move(handle), std::move(settings));
}

// Begins TLS on a stream that spoke in clear (STARTTLS): what was written before leaves in clear. Answers
// when the handshake is done, within `timeout`. No task may read meanwhile. The client names the server that
// it reaches for. Throws tls::CertificateError, tls::Error, Timeout; the connection has ended then.
Task<> start_tls(Stream& stream, const tls::Context& context,
                 tls::Cleartext cleartext = tls::Cleartext::dropped,
                 Duration timeout = std::chrono::seconds(10));
Task<> start_tls(Stream& stream, const tls::Context& context, std::string_view server_hostname,
                 tls::Cleartext cleartext = tls::Cleartext::dropped,
                 Duration timeout = std::chrono::seconds(10));

}  // namespace parley
