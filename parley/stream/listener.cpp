#include "parley/stream/listener.h"

#include <stdexcept>
#include <utility>

namespace parley {

// A connection that is to come: it counts until it has, or has gone. Without a listener its stream closes.
class Listener::Ticket {
 public:
  explicit Ticket(std::shared_ptr<Coming> coming) : coming_(std::move(coming)) { ++coming_->count; }
  Ticket(Ticket&&) = default;
  ~Ticket() {
    if (coming_ != nullptr) --coming_->count;
  }

  void operator()(Stream stream) {
    const Ticket used(std::move(*this));
    Listener* const listener = used.coming_->listener;
    if (listener == nullptr) return;
    listener->pending_.push_back(std::move(stream));
    if (listener->accepting_ != nullptr) std::exchange(listener->accepting_, nullptr)->resume();
  }

 private:
  std::shared_ptr<Coming> coming_;
};

Listener::Listener(const Address& address, ListenSettings settings)
    : coming_(std::make_shared<Coming>(Coming{this})) {
  const auto make = [this] { return protocol(); };
  Reactor& reactor = current_reactor();
  port_ = address.family() == Family::local ? reactor.listen_unix(address, make, std::move(settings))
                                            : reactor.listen_tcp(address, make, std::move(settings));
  stopping_ = reactor.on_stop(Stopping::before, [this] { stopped(); });
}

Listener::~Listener() {
  coming_->listener = nullptr;
  close();
  if (accepting_ != nullptr) std::exchange(accepting_, nullptr)->listener_ = nullptr;  // woken by close
}

std::unique_ptr<Protocol> Listener::protocol() {
  // Nobody accepts as fast as they come: no protocol, so this one is closed at once.
  if (pending_.size() + coming_->count >= most_pending) return nullptr;
  return stream_protocol(Ticket(coming_));
}

void Listener::close() {
  if (std::exchange(closed_, true)) return;
  stopping_.remove();
  port_.stop_listening();
  if (accepting_ != nullptr) accepting_->wake();
}

// Now, and not soon: the reactor may not turn again.
void Listener::stopped() {
  closed_ = true;
  port_.stop_listening();
  if (accepting_ != nullptr) std::exchange(accepting_, nullptr)->resume();
}

namespace detail {

bool Accept::await_ready() const {
  if (listener_->accepting_ != nullptr) {
    throw std::logic_error("accept: a listener's connections are accepted by one task at a time");
  }
  return !listener_->pending_.empty() || listener_->closed_;
}

void Accept::listen() noexcept {
  listener_->accepting_ = this;
}

Stream Accept::await_resume() {
  if (listener_ != nullptr && listener_->accepting_ == this) listener_->accepting_ = nullptr;
  throw_if_cancelled();
  if (listener_ == nullptr || listener_->pending_.empty()) {
    throw SocketError("accept", {}, std::make_error_code(std::errc::bad_file_descriptor),
                      "the listener was closed");
  }
  Stream stream = std::move(listener_->pending_.front());
  listener_->pending_.pop_front();
  return stream;
}

bool Accept::withdraw() noexcept {
  if (listener_ != nullptr) listener_->accepting_ = nullptr;
  return true;
}

}  // namespace detail

}  // namespace parley
