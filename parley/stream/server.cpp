#include "parley/stream/server.h"

#include "parley/stream/task_group.h"

namespace parley {

// A connection's protocol: hands its stream to the server.
class StreamServer::Wire final : public detail::StreamProtocol {
 public:
  explicit Wire(StreamServer& server) : server_(server) {}

 private:
  void made(Stream stream) override { server_.begin(std::move(stream)); }

  StreamServer& server_;
};

StreamServer::StreamServer(Reactor& reactor, std::unique_ptr<Handler> handler, ServeSettings settings)
    : Nursery(reactor), handler_(std::move(handler)), settings_(std::move(settings)) {}

StreamServer::~StreamServer() {
  // A member takes itself out of the list as it goes.
  while (first() != nullptr) delete static_cast<detail::MemberOf<void>*>(first());
}

std::unique_ptr<Protocol> StreamServer::protocol() {
  // No protocol: the connection is closed at once.
  if (size() >= settings_.max_connections || ending()) return nullptr;
  return std::make_unique<Wire>(*this);
}

std::unique_ptr<Factory> StreamServer::factory() {
  return parley::factory([this] { return protocol(); });
}

// The handler is called in place: it reads what comes in this turn already.
void StreamServer::begin(Stream stream) {
  if (ending()) return;  // its protocol was made before
  Task<> task;
  try {
    task = handler_->handle(std::move(stream));
  } catch (...) {  // it is no coroutine, or has no memory
    return failed(std::current_exception());
  }
  (new detail::MemberOf<void>(*this, std::move(task)))->start();
}

void StreamServer::on_ended(detail::Member& member) noexcept {
  const std::unique_ptr<detail::MemberOf<void>> ended(static_cast<detail::MemberOf<void>*>(&member));
  std::exception_ptr error = ended->error();
  if (error != nullptr && !detail::is_cancelled(error)) failed(std::move(error));
}

void StreamServer::failed(std::exception_ptr error) {
  if (!settings_.handle_error) return detail::report(reactor(), std::move(error));
  try {
    settings_.handle_error(error);
  } catch (...) {
    detail::report(reactor(), std::current_exception());
  }
}

Task<> StreamServer::join() {
  // In a variable: with the await in the condition g++ 12 leaves the whole body out.
  bool cancelled = false;
  do {
    cancelled = co_await Nursery::join();  // also those that have come since the last one has ended
  } while (size() != 0);
  if (cancelled) throw Cancelled();
}

namespace detail {

namespace {

// Nobody comes in any more when it goes.
class Port {
 public:
  explicit Port(ListeningPort port) : port_(port) {}
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { port_.stop_listening(); }

  Address host() const { return port_.host(); }

 private:
  ListeningPort port_;
};

// Waits until the task is cancelled.
class [[nodiscard]] ForEver final : Suspension {
 public:
  using awaits_in = Fiber;

  ForEver() = default;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    return suspend(who);
  }
  void await_resume() const noexcept {}

 private:
  bool withdraw() noexcept override { return true; }
};

ForEver for_ever() {
  return {};
}

}  // namespace

Task<> serve(StreamServer& server, Address address, ServeSettings settings) {
  {
    const bool local = address.family() == Family::local;
    ListenSettings how;
    how.options = settings.options;
    how.wrap = settings.wrap;
    Reactor& reactor = current_reactor();
    const Port port(local ? reactor.listen_unix(address, server.factory(), how)
                          : reactor.listen_tcp(address, server.factory(), how));
    if (settings.listening) settings.listening(port.host());
    co_await for_ever();
  }
  server.cancel();
  co_await server.join();
  throw Cancelled();
}

}  // namespace detail

}  // namespace parley
