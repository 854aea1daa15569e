#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/datagram.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/address.h"
#include "parley/stream/fiber.h"

namespace parley {

class DatagramSocket;

namespace detail {

class [[nodiscard]] Receive final : Suspension {
 public:
  using awaits_in = Fiber;

  explicit Receive(DatagramSocket& socket) : socket_(&socket) {}
  Receive(Receive&&) = default;
  ~Receive() {
    if (waits()) withdraw();
  }

  bool await_ready() const;
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    if (!suspend(who)) return false;
    listen();
    return true;
  }
  std::pair<std::string_view, Address> await_resume();

 private:
  friend class parley::DatagramSocket;

  void listen() noexcept;
  bool withdraw() noexcept override;

  DatagramSocket* socket_;
};

}  // namespace detail

// Datagrams in the hands of a task: UDP, or Unix datagrams. Used by the task that makes it and those beside
// it; it closes when it goes.
class DatagramSocket {
 public:
  // Datagrams that are kept while nobody receives; what comes beyond waits in the kernel, which drops what
  // it has no room for.
  static constexpr std::size_t most_pending = 64;

  // Receives at a numeric address (port 0: the kernel chooses), or at a Unix socket's path. Inside a task.
  // Throws SocketError.
  explicit DatagramSocket(const Address& address);
  // Sends to `peer`, and receives from it alone.
  static std::unique_ptr<DatagramSocket> connected(const Address& peer);
  ~DatagramSocket();
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;

  // Awaited, answers the next datagram, which may be empty, and who sent it. The bytes are lent until the
  // next call. One task at a time. Throws SocketError where something that was sent could not arrive (nobody
  // listens there, it was too long ...): the socket lives on; and once the reactor stops. Cancelled, no
  // datagram is lost.
  [[nodiscard]] detail::Receive recvfrom() { return detail::Receive(*this); }
  // Sends one datagram with all else that this turn writes; there is nothing to wait for. Throws AddressError
  // where this socket cannot reach such an address.
  void sendto(std::string_view data, const Address& to);
  // The same to the connected peer.
  void send(std::string_view data);

  // The real address, with the port that the kernel chose.
  Address host() const { return port_.host(); }
  // What lies underneath: multicast, broadcast. Null when it is gone.
  DatagramTransport* transport() const { return port_.transport(); }

 private:
  friend class detail::Receive;
  class Wire;
  struct Arrived {
    Arrived(std::string bytes, Address from) : data(std::move(bytes)), peer(std::move(from)) {}
    // NOLINTNEXTLINE(bugprone-throw-keyword-missing): kept, and thrown later
    explicit Arrived(std::exception_ptr why) : error(std::move(why)) {}

    std::string data;
    Address peer;
    std::exception_ptr error;
  };

  DatagramSocket();
  std::unique_ptr<Wire> wire();
  void arrived(Arrived what);
  void stopped();

  Wire* wire_ = nullptr;
  std::deque<Arrived> pending_;
  std::string lent_;
  detail::Receive* receiving_ = nullptr;
  bool stopped_ = false;  // with its reactor
  DatagramPort port_;
};

}  // namespace parley
