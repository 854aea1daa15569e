#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

#include "parley/reactor/reactor.h"
#include "parley/socket/address.h"
#include "parley/stream/fiber.h"
#include "parley/stream/stream.h"

namespace parley {

class Listener;

namespace detail {

class [[nodiscard]] Accept final : Suspension {
 public:
  using awaits_in = Fiber;

  explicit Accept(Listener& listener) : listener_(&listener) {}
  Accept(Accept&&) = default;
  ~Accept() {
    if (waits()) withdraw();
  }

  bool await_ready() const;
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    if (!suspend(who)) return false;
    listen();
    return true;
  }
  Stream await_resume();

 private:
  friend class parley::Listener;
  using Suspension::resume;
  using Suspension::wake;

  void listen() noexcept;
  bool withdraw() noexcept override;

  Listener* listener_;
};

}  // namespace detail

// A port whose connections a task accepts one by one, where `serve_tcp` does not fit. Used by the task that
// makes it and those beside it; the port closes when it goes.
class Listener {
 public:
  // Connections that nobody has accepted, beyond which new ones are closed at once. Those whose filter has
  // not let the stream begin count.
  static constexpr std::size_t most_pending = 128;

  // Listens at a numeric address (no host: every address; port 0: the kernel chooses), or at a Unix socket's:
  // `Address::local(path)`. Inside a task. Throws SocketError.
  explicit Listener(const Address& address, ListenSettings settings = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Awaited, answers the next connection. One task at a time. Throws SocketError once it is closed, as it is
  // when the reactor stops.
  // Cancelled, no connection is lost.
  [[nodiscard]] detail::Accept accept() { return detail::Accept(*this); }
  // The real address, with the port that the kernel chose.
  Address host() const { return port_.host(); }
  // Accepts no more; what has come can be accepted still.
  void close();

 private:
  friend class detail::Accept;

  std::unique_ptr<Protocol> protocol();
  // What the listener and its protocols share: either side may go first.
  struct Coming {
    Listener* listener;  // null: it has gone
    std::size_t count = 0;
  };
  class Ticket;
  void stopped();

  std::shared_ptr<Coming> coming_;
  std::deque<Stream> pending_;
  detail::Accept* accepting_ = nullptr;
  bool closed_ = false;
  ListeningPort port_;
  Trigger stopping_;
};

}  // namespace parley
