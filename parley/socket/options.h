#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "parley/socket/family.h"

namespace parley {

// A socket option and the type of its value, for `Socket::setsockopt` and `getsockopt`. One that is not
// among `options` is made of the system's numbers: `Option<int>{IPPROTO_TCP, TCP_MAXSEG}`.
template <class Value>
struct Option {
  int level;
  int name;
};

// Who is at the other end of a local socket, as of its `connect` or `listen`.
struct Credentials {
  std::int64_t process;
  std::uint32_t user;
  std::uint32_t group;
  bool operator==(const Credentials&) const = default;
};

// Where a TCP connection stands (RFC 9293, section 3.3.2), by the system's numbers.
enum class TcpState : std::uint8_t {
  established = 1,
  syn_sent,
  syn_received,
  fin_wait1,
  fin_wait2,
  time_wait,
  closed,
  close_wait,
  last_ack,
  listen,
  closing
};

// How a TCP connection fares. Segments are counted; sizes are bytes.
struct TcpInfo {
  TcpState state;
  std::uint32_t retransmits;  // of the segment that is waited for now
  std::chrono::microseconds round_trip_time;
  std::chrono::microseconds round_trip_variation;
  std::chrono::microseconds retransmission_timeout;
  std::uint32_t send_segment_size;
  std::uint32_t receive_segment_size;
  std::uint32_t path_mtu;
  std::uint32_t unacknowledged;
  std::uint32_t lost;
  std::uint32_t total_retransmits;
  std::uint32_t congestion_window;
  std::uint32_t slow_start_threshold;
  std::chrono::milliseconds since_sent;      // the last data
  std::chrono::milliseconds since_received;  // the last data
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
// Urgent data comes in line with the rest.
extern const Option<bool> out_of_band_inline;
// Send to directly connected networks alone.
extern const Option<bool> dont_route;
// The least that makes a socket readable.
extern const Option<int> receive_low_water;
// An interface's name: send and receive through it alone. Takes a privilege, or a socket that has none yet.
extern const Option<std::string> bind_to_device;
// Acknowledge at once, for now; hold small pieces back while it stands; wake the listener when data is
// there and not before; bytes in a segment; connections that may bring data at once (RFC 7413).
extern const Option<bool> quick_ack;
extern const Option<bool> cork;
extern const Option<std::chrono::seconds> defer_accept;
extern const Option<int> max_segment;
extern const Option<int> fast_open;
// The name of the algorithm that decides how fast to send ("cubic"); how much that was not sent yet leaves a
// socket writable, in bytes; how often a connect tries; how long a closed connection waits for the peer's
// end.
extern const Option<std::string> congestion;
extern const Option<int> not_sent_low_water;
extern const Option<int> syn_count;
extern const Option<std::chrono::seconds> fin_timeout;
// Cannot be set: how the connection fares.
extern const Option<TcpInfo> tcp_info;

// How many routers a packet may pass, and how they should treat it (RFC 2474). The second of each is IPv6's.
extern const Option<int> ttl;
extern const Option<int> unicast_hops;
extern const Option<int> tos;
extern const Option<int> traffic_class;
// A packet whose hop limit is below this when it comes is dropped: 255 takes those of one's own network alone
// (RFC 5082); 0 at first. The second is IPv6's.
extern const Option<int> min_ttl;
extern const Option<int> min_hops;
// A packet's importance in this machine's queues, 0 to 6 without a privilege; a mark for its routing and
// filters, which takes one.
extern const Option<int> priority;
extern const Option<int> mark;
// Hop limits for what is sent to groups (1 at first: this network), and whether it comes back to this machine
// (it does). `join_group` and `set_multicast_interface` are functions.
extern const Option<int> multicast_ttl;
extern const Option<int> multicast_hops;
extern const Option<bool> multicast_loop;
extern const Option<bool> multicast_loop6;
// `recvmsg` tells to which address and interface a datagram came (in_pktinfo, in6_pktinfo).
extern const Option<bool> packet_info;
extern const Option<bool> packet_info6;
// `recvmsg` tells the datagram's hop limit and type of service, as an int (IP_TTL, IPV6_HOPLIMIT,
// IPV6_TCLASS) or a byte (IP_TOS).
extern const Option<bool> receive_ttl;
extern const Option<bool> receive_hops;
extern const Option<bool> receive_tos;
extern const Option<bool> receive_traffic_class;

// `recvmsg` tells who sent a local datagram (SCM_CREDENTIALS), and when a datagram came (SCM_TIMESTAMP).
extern const Option<bool> pass_credentials;
extern const Option<bool> timestamp;
// Cannot be set: who the local peer is; whether the socket listens.
extern const Option<Credentials> peer_credentials;
extern const Option<bool> accepts_connections;
// Cannot be set: what the socket was made as. `protocol` is the system's number.
extern const Option<Type> type;
extern const Option<Family> domain;
extern const Option<int> protocol;
// How long the kernel waits in one call; none: for ever. Of a socket without a timeout of Parley's own, which
// comes first: Timeout is thrown then too.
extern const Option<std::optional<std::chrono::microseconds>> receive_timeout;
extern const Option<std::optional<std::chrono::microseconds>> send_timeout;
// The pending error, which is taken by reading it. Cannot be set.
extern const Option<std::error_code> error;

}  // namespace options

}  // namespace parley
