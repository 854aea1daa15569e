#include "parley/stream/connect.h"

#include <exception>

namespace parley::detail {

// The connector's factory. It outlives the awaiter when that is cancelled: then nobody is told.
class ConnectAwaiter::Dial final : public ClientFactory {
 public:
  explicit Dial(ConnectAwaiter& waiter) : waiter_(&waiter) {}

  std::unique_ptr<Protocol> build_protocol(const Address& /*peer*/) override {
    if (waiter_ == nullptr) return nullptr;
    return stream_protocol([this](Stream stream) { made(std::move(stream)); });
  }
  void client_connection_failed(Connector& /*connector*/, const SocketError& error) override {
    // Copied as what it really is, so that the task can catch a Timeout or a ResolveError.
    if (const auto* timeout = dynamic_cast<const Timeout*>(&error)) {
      error_ = std::make_exception_ptr(*timeout);
    } else if (const auto* resolve = dynamic_cast<const ResolveError*>(&error)) {
      error_ = std::make_exception_ptr(*resolve);
    } else {
      error_ = std::make_exception_ptr(error);
    }
    go_on();
  }

  ConnectAwaiter* waiter_;
  Connector connector_;
  Stream stream_;
  std::exception_ptr error_;

 private:
  void made(Stream stream) {
    if (waiter_ == nullptr) return;  // it closes
    stream_ = std::move(stream);
    go_on();
  }
  void go_on() {
    // Forgotten first: the awaiter is gone when the task has gone on.
    if (ConnectAwaiter* const waiter = std::exchange(waiter_, nullptr)) waiter->resume();
  }
};

ConnectAwaiter::ConnectAwaiter(Endpoint to, ConnectSettings settings)
    : to_(std::move(to)), settings_(std::move(settings)) {}
ConnectAwaiter::ConnectAwaiter(Address to, ConnectSettings settings)
    : to_(to), local_(std::move(to)), settings_(std::move(settings)) {}

ConnectAwaiter::~ConnectAwaiter() {
  give_up();
}

// It begins here, where what it throws is thrown; the loop tells the outcome later.
bool ConnectAwaiter::await_ready() {
  dial_ = std::make_shared<Dial>(*this);
  dial_->connector_ = local_ ? current_reactor().connect_unix(*local_, dial_, std::move(settings_))
                             : current_reactor().connect_tcp(to_, dial_, std::move(settings_));
  return false;
}

Stream ConnectAwaiter::await_resume() {
  throw_if_cancelled();
  if (dial_->error_) std::rethrow_exception(dial_->error_);
  return std::move(dial_->stream_);
}

void ConnectAwaiter::give_up() noexcept {
  if (dial_ == nullptr || dial_->waiter_ == nullptr) return;
  dial_->waiter_ = nullptr;
  dial_->connector_.disconnect();
}

bool ConnectAwaiter::withdraw() noexcept {
  give_up();
  return true;
}

}  // namespace parley::detail
