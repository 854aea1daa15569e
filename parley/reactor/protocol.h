#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "parley/reactor/transport.h"

namespace parley {

namespace detail {
// The transport of a protocol that has none yet: whatever it is asked for throws std::logic_error.
extern Transport* const no_transport;
// What other protocols throw that are asked for a transport too early.
[[noreturn]] void fail_no_transport();
}  // namespace detail

// What a program does with one connection. The connection owns it: it is made by a factory when the
// connection is, and destroyed after `connection_lost`. Everything here is called from the loop, on its
// thread, and may write, pause, close this connection or any other. An exception that escapes closes this
// one connection, is logged and reaches the reactor's error handler.
class Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  // Comes once, first.
  virtual void connection_made() {}

  // Bytes that have arrived, in order. They are lent: this call may overwrite them in place, and they
  // are gone when it returns.
  virtual void data_received(std::span<char> lent) = 0;

  // The peer will send no more. True keeps our own direction open (half-close); false, the default,
  // closes once what is queued has been sent.
  virtual bool eof_received() { return false; }

  // Input may be handled again after `Transport::reading` was false: a protocol that has stopped in the
  // middle of what it was given goes on here. The next `data_received` comes afterwards.
  virtual void reading_resumed() {}

  // More than `Limits::high_water` bytes wait for a slow peer; and not more than `low_water` any more.
  // A producer stops and goes on here.
  virtual void pause_writing() {}
  virtual void resume_writing() {}

  // Comes exactly once, last, whatever ended the connection.
  virtual void connection_lost(Reason /*reason*/) {}

 protected:
  // Valid from `connection_made` until the end of `connection_lost`. Before that, in the constructor say,
  // there is no connection: `peer` and whatever the transport is asked for throw std::logic_error.
  Transport& transport() const { return *transport_; }
  Address peer() const { return transport_->peer(); }

 private:
  friend class Connection;
  friend class Connections;
  friend class Filter;
  friend class Filters;
  friend class StringTransport;

  virtual Filter* as_filter() { return nullptr; }

  Transport* transport_ = detail::no_transport;
};

// Makes a protocol for each connection of a listener.
class Factory {
 public:
  virtual ~Factory() = default;

  // Null refuses the connection: it is closed at once.
  virtual std::unique_ptr<Protocol> build_protocol(const Address& peer) = 0;
  // Words for the peer that a listener's `build_protocol` has just refused; lent. A listener says them to 32
  // in a second at most, since those who are told stay open until they have read it, and to nobody where
  // there is a `wrap`, through which they would have to go. The default has none.
  virtual std::string_view refusal() const { return {}; }

  // Comes when the first of its ports (or connectors) starts; what it throws reaches whoever started that.
  virtual void start_factory() {}
  // Comes from the loop when the last of them has stopped.
  virtual void stop_factory() {}

  // For whoever uses a factory: each `start` is followed by one `stop`.
  void start() {
    if (users_ == 0) start_factory();
    ++users_;
  }
  void stop() {
    if (--users_ == 0) stop_factory();
  }

 private:
  std::size_t users_ = 0;
};

// What makes a protocol when it is called, with the peer's address or without.
template <class F>
concept MakesProtocol = requires(F make) { std::unique_ptr<Protocol>(make()); } ||
                        requires(F make, const Address& peer) { std::unique_ptr<Protocol>(make(peer)); };

namespace detail {
template <class P>
std::unique_ptr<Protocol> owned(P protocol) {
  static_assert(std::convertible_to<P, std::unique_ptr<Protocol>>,
                "a factory answers std::make_unique<Echo>(), not new Echo: the connection owns its protocol");
  return std::unique_ptr<Protocol>(std::move(protocol));
}
}  // namespace detail

// A factory that calls `make` for each connection. What that answers owns the protocol:
// `std::make_unique<Echo>()`.
template <MakesProtocol F>
std::unique_ptr<Factory> factory(F make) {
  class Calling final : public Factory {
   public:
    explicit Calling(F f) : make_(std::move(f)) {}
    std::unique_ptr<Protocol> build_protocol(const Address& peer) override {
      if constexpr (std::invocable<F&>) {
        (void)peer;
        return detail::owned(make_());
      } else {
        return detail::owned(make_(peer));
      }
    }

   private:
    F make_;
  };
  return std::make_unique<Calling>(std::move(make));
}

}  // namespace parley
