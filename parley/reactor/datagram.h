#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "parley/reactor/entry_id.h"
#include "parley/reactor/protocol.h"
#include "parley/socket/address.h"
#include "parley/socket/error.h"

namespace parley {

class Loop;

// A socket of datagrams, as a protocol and everybody else sees it. It belongs to its reactor, and is valid
// until `stop_protocol` has returned. Used from the loop's thread. No call here ever calls back: what follows
// from it comes from the loop.
class DatagramTransport {
 public:
  DatagramTransport(const DatagramTransport&) = delete;
  DatagramTransport& operator=(const DatagramTransport&) = delete;

  // Queues a copy of the bytes as one datagram to `to`. What a turn writes leaves at its end, up to 64 with
  // one system call; sooner when there are so many, or 64 KiB. Where the kernel takes no more, datagrams
  // wait; past `Limits::datagram_queue` the oldest are dropped and counted, since of what comes late the
  // newest is worth most. One that cannot be sent is told to `error_received`; one over
  // `Limits::datagram_bytes` too. Of a socket that listens at every address, it leaves from the one of them
  // that `to` has sent its last datagram to, in `datagram_received` and later: that is known of 256 peers at
  // most, and whoever comes may take the place of one before; for others the kernel chooses. Throws
  // AddressError where this socket cannot reach such an address. After `stop_listening`: silently nothing.
  virtual void write(std::string_view bytes, const Address& to) = 0;
  // The same to the connected peer.
  virtual void write(std::string_view bytes) = 0;

  // Sends to `peer`, and receives from it alone, from now on. It may be called again. Where the network tells
  // that nobody is there, `connection_refused` comes. Throws SocketError, AddressError.
  virtual void connect(const Address& peer) = 0;
  // Whom it is connected to; unspecified where to nobody.
  virtual Address peer() const = 0;
  // Our own address. Connecting may make it more precise.
  virtual Address host() const = 0;

  // No `datagram_received` comes from now on, not even for what has arrived already, until `resume_reading`.
  // What comes meanwhile waits in the kernel, which drops what it has no room for.
  virtual void pause_reading() = 0;
  // Reading goes on from the next turn.
  virtual void resume_reading() = 0;
  virtual bool reading() const = 0;

  // Receives what is sent to a multicast group, at the port that it listens at. `interface` is an interface's
  // index (`if_nameindex`); 0 leaves it to the kernel's routes. A group must be of the socket's own family:
  // to join IPv4's, listen at 0.0.0.0 and not at any address. Throws SocketError, AddressError.
  virtual void join_group(const Address& group, std::uint32_t interface = 0) = 0;
  virtual void leave_group(const Address& group, std::uint32_t interface = 0) = 0;
  // How many routers what is sent to groups may pass (1 at first: this network alone); whether it comes back
  // to this machine (it does); through which interface it goes. Throw SocketError, std::invalid_argument (not
  // 0 to 255 routers).
  virtual void set_multicast_ttl(int routers) = 0;
  virtual void set_multicast_loop(bool on) = 0;
  virtual void set_multicast_interface(std::uint32_t interface) = 0;
  // Datagrams may go to broadcast addresses. Throws SocketError.
  virtual void set_broadcast(bool on) = 0;

  // Receives no more. What is queued is sent as far as the kernel takes it now; `stop_protocol` comes soon,
  // in the same turn. The port can be used anew at once, and a Unix socket's path is removed.
  virtual void stop_listening() = 0;

  // The descriptor, for what nothing here does. It stays the reactor's, which alone receives, sends and
  // closes with it. -1 where there is none: over the memory back end, and after the end.
  virtual int fileno() const = 0;

  // Datagrams that wait to be sent.
  virtual std::size_t queued() const = 0;
  // Datagrams that were lost here, since the beginning: not sent, or too long to be received.
  virtual std::uint64_t dropped() const = 0;

 protected:
  DatagramTransport() = default;
  ~DatagramTransport() = default;
};

// What a program does with the datagrams of one socket. The reactor owns it, and destroys it after
// `stop_protocol`. Everything here is called from the loop, on its thread, and may write, pause, stop this
// port or any other. An exception that escapes is logged and reaches the reactor's error handler; it costs
// that one datagram, and the port lives on.
class DatagramProtocol {
 public:
  DatagramProtocol() = default;
  DatagramProtocol(const DatagramProtocol&) = delete;
  DatagramProtocol& operator=(const DatagramProtocol&) = delete;
  virtual ~DatagramProtocol() = default;

  // Comes once, first, soon after the port was made.
  virtual void start_protocol() {}

  // A whole datagram, which may be empty. It is lent: this call may overwrite it, and it is gone when it
  // returns. A Unix peer without a name is `Address::local_peer(0)`, and cannot be answered.
  virtual void datagram_received(std::span<char> lent, const Address& peer) = 0;

  // The network tells that nobody listens at the connected peer. Nothing ends by it: somebody may yet.
  virtual void connection_refused() {}
  // A datagram could not be sent (too long, no route, nobody at a Unix path ...), or one that came was longer
  // than `Limits::datagram_bytes` and was dropped. Comes in a later turn than the call that led to it.
  // Nothing ends by it. Of many in one turn, 64 are told.
  virtual void error_received(const SocketError& /*error*/) {}

  // Comes exactly once after `start_protocol`, last, whatever ended the port.
  virtual void stop_protocol() {}

 protected:
  // Valid from `start_protocol` until the end of `stop_protocol`. Before that, in the constructor say, it
  // throws std::logic_error.
  DatagramTransport& transport() const {
    if (transport_ == nullptr) detail::fail_no_transport();
    return *transport_;
  }

 private:
  friend class DatagramPorts;

  DatagramTransport* transport_ = nullptr;
};

// How a datagram socket is to be made.
struct DatagramSettings {
  // Several sockets on one port; the kernel spreads the datagrams over them.
  bool reuse_port = false;
  // Several programs on one port, each of which gets what is sent to a group they have joined.
  bool listen_multiple = false;
  // IPv6 alone. Else a socket at every IPv6 address takes IPv4 too.
  bool v6_only = false;
  // For connecting: where to send from. Any address and port, or no name for a Unix socket, which then cannot
  // be answered.
  std::optional<Address> source{};
};

// A socket of datagrams that is open, named as a value: copies name the same one. It does not close it when
// it goes, and must not be used after its reactor.
class DatagramPort {
 public:
  DatagramPort() = default;

  // Null once it has ended.
  DatagramTransport* transport() const;
  // The real address: with the port that the kernel chose where 0 was asked for.
  Address host() const;
  // As `DatagramTransport::fileno`.
  int fileno() const;
  // As `DatagramTransport::stop_listening`. No error when it has ended already.
  void stop_listening();

 private:
  friend class Reactor;
  DatagramPort(Loop* loop, EntryId id) : loop_(loop), id_(id) {}

  Loop* loop_ = nullptr;
  EntryId id_;
};

}  // namespace parley
