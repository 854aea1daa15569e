#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "parley/reactor/connector.h"
#include "parley/socket/address.h"
#include "parley/stream/fiber.h"
#include "parley/stream/stream.h"

namespace parley {

namespace detail {

class [[nodiscard]] ConnectAwaiter final : Suspension {
 public:
  using awaits_in = Fiber;

  ConnectAwaiter(Endpoint to, ConnectSettings settings);
  ConnectAwaiter(Address to, ConnectSettings settings);
  ConnectAwaiter(ConnectAwaiter&&) = default;
  ~ConnectAwaiter();

  bool await_ready();
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    return suspend(who);
  }
  Stream await_resume();

 private:
  class Dial;

  void give_up() noexcept;
  bool withdraw() noexcept override;

  Endpoint to_;
  std::optional<Address> local_;  // in its place
  ConnectSettings settings_;
  std::shared_ptr<Dial> dial_;
};

}  // namespace detail

// Awaited, connects to an endpoint, whose host may be a name, and answers the Stream: asyncio's
// open_connection. Tries its addresses as RFC 8305 says. Throws SocketError, ResolveError, Timeout (of the
// settings), AddressError. Settings with something in them stand in a variable, not in the `co_await`
// expression, which g++ 12 gets wrong.
[[nodiscard]] inline detail::ConnectAwaiter connect(Endpoint to, const ConnectSettings& settings = {}) {
  return detail::ConnectAwaiter(std::move(to), settings);
}
// The same for a Unix stream socket: `Address::local(path)`.
[[nodiscard]] inline detail::ConnectAwaiter connect_unix(Address to, const ConnectSettings& settings = {}) {
  return detail::ConnectAwaiter(std::move(to), settings);
}

}  // namespace parley
