#include "parley/stream/server.h"

#include <stdexcept>

#include "parley/stream/task_group.h"

namespace parley {

// A connection's protocol: hands its stream to the server. Until then the server counts it, and may go: under
// a filter that may take long.
class StreamServer::Wire final : public detail::StreamProtocol {
 public:
  explicit Wire(std::shared_ptr<Coming> coming) : coming_(std::move(coming)) {
    ++coming_->count;
    coming_->server->expect();
  }
  ~Wire() override {
    if (coming_ != nullptr) has_come(*coming_);
  }

 private:
  static void has_come(Coming& coming) noexcept {
    if (coming.server == nullptr) return;
    --coming.count;
    coming.server->expect_no_more(1);
  }

  void made(Stream stream) override {
    struct Counted {
      ~Counted() { has_come(*coming); }
      std::shared_ptr<Coming> coming;
    } const counted{std::move(coming_)};
    // Without a server the stream closes.
    if (counted.coming->server != nullptr) counted.coming->server->begin(std::move(stream));
  }

  std::shared_ptr<Coming> coming_;
};

StreamServer::StreamServer(Reactor& reactor, std::unique_ptr<Handler> handler, ServeSettings settings)
    : Nursery(reactor), handler_(std::move(handler)), settings_(std::move(settings)) {}

ServeSettings StreamServer::without_filters(ServeSettings settings) {
  if (settings.wrap) {
    throw std::invalid_argument("StreamServer: a filter is for the port, in its ListenSettings::wrap");
  }
  return settings;
}

StreamServer::~StreamServer() {
  forget_coming();
  // A member takes itself out of the list as it goes.
  while (first() != nullptr) delete static_cast<detail::MemberOf<void>*>(first());
}

std::unique_ptr<Protocol> StreamServer::protocol() {
  // No protocol: the connection is closed at once.
  if (Nursery::size() >= settings_.max_connections || ending()) return nullptr;
  if (coming_ == nullptr) coming_ = std::make_shared<Coming>(Coming{this});
  return std::make_unique<Wire>(coming_);
}

std::unique_ptr<Factory> StreamServer::factory() {
  return parley::factory([this] { return protocol(); });
}

// The handler is called in place: it reads what comes in this turn already.
void StreamServer::begin(Stream stream) {
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

void StreamServer::cancel_all(const detail::Why& why) noexcept {
  forget_coming();
  Nursery::cancel_all(why);
}

void StreamServer::forget_coming() noexcept {
  const std::shared_ptr<Coming> coming = std::exchange(coming_, nullptr);
  if (coming == nullptr) return;
  coming->server = nullptr;
  expect_no_more(std::exchange(coming->count, 0));
}

Task<> StreamServer::join() {
  // In a variable: with the await in the condition g++ 12 leaves the whole body out.
  bool cancelled = false;
  do {
    cancelled = co_await Nursery::join();  // also those that have come since the last one has ended
  } while (Nursery::size() != 0);
  if (cancelled) detail::throw_cancelled();
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
    how.handshake_timeout = settings.handshake_timeout;
    Reactor& reactor = current_reactor();
    const Port port(local ? reactor.listen_unix(address, server.factory(), how)
                          : reactor.listen_tcp(address, server.factory(), how));
    if (settings.listening) settings.listening(port.host());
    co_await for_ever();
  }
  const Why why = Fiber::running()->why();
  server.cancel(why ? std::string_view(*why) : std::string_view());
  co_await server.join();
  throw_cancelled();
}

}  // namespace detail

}  // namespace parley
