#pragma once

#include <chrono>
#include <optional>
#include <system_error>

namespace parley {

// A socket option and the type of its value, for `Socket::setsockopt` and `getsockopt`. One that is not
// among `options` is made of the system's numbers: `Option<int>{IPPROTO_TCP, TCP_MAXSEG}`.
template <class Value>
struct Option {
  int level;
  int name;
};

namespace options {

// Bind although connections of an earlier server still linger on the port.
extern const Option<bool> reuse_addr;
// Several sockets on one port; the kernel spreads the connections over them. Linux.
extern const Option<bool> reuse_port;
// Send small pieces at once instead of waiting for an acknowledgement (RFC 896's algorithm off).
extern const Option<bool> no_delay;
// Look for dead peers on idle connections (RFC 1122, section 4.2.3.6).
extern const Option<bool> keep_alive;
// How long a connection is idle before the first look, how long between two, and how many are left
// unanswered until it is given up.
extern const Option<std::chrono::seconds> keep_idle;
extern const Option<std::chrono::seconds> keep_interval;
extern const Option<int> keep_count;
// How long sent data may stay unacknowledged before the connection is given up. Linux.
extern const Option<std::chrono::milliseconds> user_timeout;
// Bytes that the kernel holds for a socket. Linux doubles what is set, for its own bookkeeping, and caps it.
extern const Option<int> send_buffer;
extern const Option<int> receive_buffer;
// How long `close` waits for what is queued to leave; zero resets the connection; none is the normal way.
extern const Option<std::optional<std::chrono::seconds>> linger;
// An inet6 socket takes IPv6 alone, and not IPv4 as well. To be set before `bind`.
extern const Option<bool> v6_only;
// Datagrams may go to broadcast addresses.
extern const Option<bool> broadcast;
// The pending error, which is taken by reading it. Cannot be set.
extern const Option<std::error_code> error;

}  // namespace options

}  // namespace parley
