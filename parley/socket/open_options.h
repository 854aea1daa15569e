#pragma once

#include <chrono>
#include <optional>

#include "parley/socket/address.h"

namespace parley {

// How sockets are opened. A buffer's size is in bytes; with 0 the kernel tunes it, which is best for most.
// What is out of range is refused (std::errc::invalid_argument).

// How to listen.
struct ListenOptions {
  int backlog = 4096;       // connections that the kernel holds until they are accepted; it may cap it
  bool reuse_port = false;  // several processes on one port
  // Permissions of a local socket's path, before anybody can connect; none: what the umask leaves.
  std::optional<unsigned> mode{};
  // IPv6 alone. Else a socket at every IPv6 address takes IPv4 too, and the port cannot be listened at with
  // IPv4 beside it.
  bool v6_only = false;
  // The rest is what an accepted connection begins with.
  bool no_delay = true;     // small pieces are sent at once (RFC 896's algorithm off)
  bool keep_alive = false;  // idle connections are probed (RFC 1122, section 4.2.3.6)
  // Of these, 0 is the kernel's choice. How long a connection is idle before the first probe (2 hours), how
  // long it is between two (75 s; both at most 32767 s), and after how many without an answer it is given up
  // (9; at most 127).
  std::chrono::seconds keep_idle{0};
  std::chrono::seconds keep_interval{0};
  int keep_count = 0;
  bool out_of_band_inline = false;  // urgent data comes in line with the rest (RFC 1122, section 4.2.2.4)
  int send_buffer = 0;
  int receive_buffer = 0;
};

// How to connect.
struct ConnectOptions {
  std::optional<Address>
      source{};  // the address to connect from, of the peer's family; none: the kernel's choice
  bool no_delay = true;
  bool keep_alive = false;
  std::chrono::seconds keep_idle{0};  // as for listening
  std::chrono::seconds keep_interval{0};
  int keep_count = 0;
  bool out_of_band_inline = false;
  int send_buffer = 0;
  int receive_buffer = 0;
};

// How to open a socket of datagrams.
struct DatagramOptions {
  bool reuse_port = false;  // several sockets on one port; the kernel spreads the datagrams over them
  bool listen_multiple =
      false;               // several programs on one port, each of which gets what is sent to its groups
  bool broadcast = false;  // datagrams may go to broadcast addresses
  bool v6_only = false;    // as for listening
  int send_buffer = 0;
  int receive_buffer = 0;
};

}  // namespace parley
