#include "parley/tls/stream.h"

#include <exception>
#include <memory>

#include "parley/base/print.h"
#include "parley/stream/connect.h"
#include "parley/stream/deadline.h"
#include "parley/stream/future.h"

namespace parley {

namespace tls {

namespace {

std::exception_ptr copied(const Error& error) {
  if (const auto* certificate = dynamic_cast<const CertificateError*>(&error)) {
    return std::make_exception_ptr(*certificate);
  }
  return std::make_exception_ptr(error);
}

// Tells a task what has become of its handshake.
class Announcing final : public Filter {
 public:
  template <class... Args>
  explicit Announcing(Promise<> outcome, Args&&... args)
      : Filter(std::forward<Args>(args)...), outcome_(std::move(outcome)) {}

  void connection_lost(Reason reason) override {
    const bool failed = reason.kind() == Reason::Kind::failed && reason.error();
    settle(std::make_exception_ptr(
        SocketError("start_tls", concat(peer()),
                    failed ? reason.error() : std::make_error_code(std::errc::connection_aborted),
                    failed ? std::string() : concat("the connection ended before the handshake: ", reason))));
    Filter::connection_lost(reason);
  }

 private:
  void handshake_done() override {
    if (std::exchange(settled_, true)) return;
    outcome_.set_value();
  }
  void handshake_failed(const Error& error) override { settle(copied(error)); }
  void settle(std::exception_ptr error) {
    if (std::exchange(settled_, true)) return;
    outcome_.set_exception(std::move(error));
  }

  Promise<> outcome_;
  bool settled_ = false;
};

Task<> start(Stream& stream, std::unique_ptr<Filter> filter, Future<> outcome, Cleartext cleartext,
             Duration timeout) {
  if (!stream) {
    throw SocketError("start_tls", concat(stream.peer()), std::make_error_code(std::errc::not_connected));
  }
  if (cleartext == Cleartext::refused && stream.unread() != 0) {
    const Address peer = stream.peer();
    stream.abort();
    throw Error("start_tls", concat(peer), make_error_code(Failure::cleartext));
  }
  stream.insert(std::move(filter), Unread::dropped);
  try {
    co_await with_timeout(timeout, outcome.get(), "start_tls");
  } catch (const Timeout&) {
    stream.abort();
    throw;
  }
}

// What is being handled, and what a connector was told, as what it is.
[[noreturn]] void rethrow(const SocketError& error) {
  if (error.code().category() != category()) throw;
  if (is_certificate_error(error.code())) throw CertificateError(error);
  throw Error(error);
}

}  // namespace

const Context& default_client() {
  static const Context context = Context::client();
  return context;
}

std::optional<Details> details(const Stream& stream) {
  const Transport* const transport = stream.transport();
  const Filter* const filter = transport == nullptr ? nullptr : find(*transport);
  return filter == nullptr ? std::nullopt : std::optional(filter->details());
}

Wrap detail::under(Wrap tls, Wrap above) {
  return above ? layers(std::move(tls), std::move(above)) : tls;
}

}  // namespace tls

Task<Stream> connect_tls(Endpoint to, ConnectSettings settings) {
  return connect_tls(std::move(to), tls::default_client(), std::move(settings));
}

Task<Stream> connect_tls(Endpoint to, tls::Context context, ConnectSettings settings) {
  settings.wrap = tls::detail::under(context.wrap(to.host), std::move(settings.wrap));
  try {
    co_return co_await connect(std::move(to), settings);
  } catch (const SocketError& error) {
    tls::rethrow(error);
  }
}

Task<> start_tls(Stream& stream, const tls::Context& context, tls::Cleartext cleartext, Duration timeout) {
  Promise<> outcome;
  Future<> coming = outcome.get_future();
  return tls::start(stream, std::make_unique<tls::Announcing>(std::move(outcome), context), std::move(coming),
                    cleartext, timeout);
}

Task<> start_tls(Stream& stream, const tls::Context& context, std::string_view server_hostname,
                 tls::Cleartext cleartext, Duration timeout) {
  Promise<> outcome;
  Future<> coming = outcome.get_future();
  return tls::start(stream, std::make_unique<tls::Announcing>(std::move(outcome), context, server_hostname),
                    std::move(coming), cleartext, timeout);
}

}  // namespace parley
