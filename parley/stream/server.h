#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/filter.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/address.h"
#include "parley/stream/nursery.h"
#include "parley/stream/stream.h"
#include "parley/stream/task.h"

namespace parley {

// How streams are served. It has a constructor so that it may stand in a `co_await` expression. `options`,
// `wrap`, `handshake_timeout` and `listening` are about the port that serve_tcp and serve_unix open.
struct ServeSettings {
  ServeSettings() {}

  ListenOptions options{};
  // Makes a filter for each connection, under its stream: `ListenSettings::wrap`.
  Wrap wrap{};
  // By then that filter must have let the stream begin: `ListenSettings::handshake_timeout`.
  Duration handshake_timeout = std::chrono::seconds(10);
  // Connections of this server beyond which new ones are closed at once. Those whose filter has not let the
  // stream begin count.
  std::size_t max_connections = 65536;
  // Is told the real address as soon as the port is open.
  std::function<void(const Address&)> listening{};
  // Is told what a handler let escape, instead of the reactor's error handler and log.
  std::function<void(std::exception_ptr)> handle_error{};
};

// What runs a coroutine for each connection, and owns them all. `serve_tcp` is made of it; by itself it is
// for programs with a reactor of their own:
//
//   StreamServer server(reactor, echo);
//   reactor.listen_tcp({"", 8000}, server.factory());
//
// A handler that throws ends its own connection. It must outlive the listening, and end before the reactor.
class StreamServer final : detail::Nursery {
 public:
  // `handle` is called with each connection's Stream, and answers the Task<> that serves it. It is kept here,
  // so that a lambda's captures live as long as its coroutines. The port is the caller's: filters are for its
  // `ListenSettings::wrap`. Throws std::invalid_argument where they are in `settings`.
  template <class Handle>
  StreamServer(Reactor& reactor, Handle handle, ServeSettings settings = {})
      : StreamServer(reactor, keep(std::move(handle)), without_filters(std::move(settings))) {}
  // Drops the handlers that still run; their connections close.
  ~StreamServer();

  // Makes the protocol for a connection that is to be handled here: null when there are too many.
  std::unique_ptr<Protocol> protocol();
  // The same for a port of the reactor.
  std::unique_ptr<Factory> factory();

  // How many handlers have not ended.
  std::size_t size() const { return Nursery::size() - coming(); }
  // Asks all of them to end, for this reason. A connection whose filter has not let its stream begin has no
  // handler yet: it gets none, and is closed where its stream would begin.
  void cancel(std::string_view reason = {}) { cancel_all(detail::make_why(reason)); }
  // Waits until none runs, and none is to come: connections whose filter has not let their stream begin are
  // waited for too. Whoever is cancelled here cancels them, and waits on; connections that come meanwhile are
  // closed at once.
  Task<> join();

 private:
  struct Handler {
    virtual ~Handler() = default;
    virtual Task<> handle(Stream stream) = 0;
  };
  template <class Handle>
  static std::unique_ptr<Handler> keep(Handle handle) {
    struct Kept final : Handler {
      explicit Kept(Handle made) : handle_(std::move(made)) {}
      Task<> handle(Stream stream) override { return handle_(std::move(stream)); }
      Handle handle_;
    };
    return std::make_unique<Kept>(std::move(handle));
  }
  class Wire;
  // What the server and the protocols that have not begun share: either side may go first.
  struct Coming {
    StreamServer* server;  // null: it has gone, or wants them no more
    std::size_t count = 0;
  };

  static ServeSettings without_filters(ServeSettings settings);
  StreamServer(Reactor& reactor, std::unique_ptr<Handler> handler, ServeSettings settings);
  void begin(Stream stream);
  std::size_t coming() const { return coming_ == nullptr ? 0 : coming_->count; }
  void forget_coming() noexcept;
  void failed(std::exception_ptr error);
  void cancel_all(const detail::Why& why) noexcept override;
  void on_ended(detail::Member& member) noexcept override;

  std::unique_ptr<Handler> handler_;
  ServeSettings settings_;
  std::shared_ptr<Coming> coming_;
};

namespace detail {

Task<> serve(StreamServer& server, Address address, ServeSettings settings);

}  // namespace detail

// Serves TCP connections at an address until it is cancelled: calls `handle` with the Stream of each. No host
// (`{"", 8000}`): every address of the machine; port 0: the kernel chooses. A handler that throws ends its
// own connection; the exception is logged and reaches `handle_error`. Cancelled, it closes the port first,
// cancels the handlers, and has ended when they have. Throws SocketError when it cannot listen.
template <class Handle>
Task<> serve_tcp(Address address, Handle handle, ServeSettings settings = {}) {
  ServeSettings of_handlers = settings;
  of_handlers.wrap = {};  // the port has them
  StreamServer server(current_reactor(), std::move(handle), std::move(of_handlers));
  co_await detail::serve(server, std::move(address), std::move(settings));
}

// The same at a Unix socket: `Address::local(path)`.
template <class Handle>
Task<> serve_unix(Address address, Handle handle, ServeSettings settings = {}) {
  return serve_tcp(std::move(address), std::move(handle), std::move(settings));
}

}  // namespace parley
