#pragma once

namespace parley {

// How one call sends or receives, beside its socket's options; also what a received message says of
// itself. Combined with `|`. One that is not among `flags` is made of the system's number: `Flags{MSG_OOB}`.
struct Flags {
  int bits = 0;

  // Whether all of `others` are set.
  constexpr bool has(Flags others) const { return (bits & others.bits) == others.bits; }
  constexpr Flags operator|(Flags others) const { return {bits | others.bits}; }
  constexpr Flags& operator|=(Flags others) { return *this = *this | others; }
  constexpr bool operator==(const Flags&) const = default;
};

namespace flags {

// Receiving: look at what comes without taking it.
extern const Flags peek;
// Receiving: wait until all that was asked for is there. Only on a socket without a timeout.
extern const Flags wait_all;
// TCP's urgent byte (RFC 6093 says why not to).
extern const Flags out_of_band;
// This call throws WouldBlock instead of waiting, whatever the socket's timeout.
extern const Flags dont_wait;
// Sending: to directly connected networks alone.
extern const Flags dont_route;
// Sending: more follows at once; TCP waits to fill its segment, datagrams are joined into one. Linux.
extern const Flags more;
// Sending: no SIGPIPE where the peer is gone. Parley sets it in every call.
extern const Flags no_signal;
// `sendto` of a stream that is not connected: connects, and the data goes with the first packet where the
// peer has allowed it before (RFC 7413); else after it, within the same timeout. A socket that does not block
// throws WouldBlock instead, having begun to connect: what was to be sent is sent without this flag then.
// Linux.
extern const Flags fast_open;
// Receiving: descriptors that come are not inherited by programs that are started. Parley sets it in every
// call.
extern const Flags close_on_exec;
// Sending: the peer answered, so its link address is right. Datagrams. Linux.
extern const Flags confirm;
// Receiving: errors that were reported for what was sent, in the ancillary data. Never waits. Linux.
extern const Flags error_queue;
// Of a received message, or to be told its real length: it was longer than the memory.
extern const Flags truncated;
// Of a received message: there was more ancillary data than room for it.
extern const Flags control_truncated;
// Sending and of a received message: it ends a record. Seqpacket sockets.
extern const Flags end_of_record;

}  // namespace flags

}  // namespace parley
