#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/base/result.h"
#include "parley/reactor/input_block.h"
#include "parley/reactor/relief.h"
#include "parley/socket/address.h"
#include "parley/socket/interest.h"
#include "parley/socket/open_options.h"

namespace parley {

// What the kernel calls an open socket: a file descriptor on POSIX, a number of its own in the memory back
// end.
struct Handle {
  int native = -1;

  explicit operator bool() const { return native != -1; }
  friend bool operator==(Handle, Handle) = default;
};

// Storage of whoever uses a back end, one for each thing that it uses. It stays in its place until the back
// end has said that it is done with it. `state` is the back end's own.
struct Slot {
  Handle handle;
  std::uint32_t state = 0;
};
struct StreamSlot : Slot {};    // a connection, or one that is being made
struct ListenerSlot : Slot {};  // a socket that connections are accepted from
struct DatagramSlot : Slot {};  // a socket of datagrams
struct WatchSlot : Slot {};  // a descriptor of somebody else: signals, name look-ups, a child's pipes, stdin

// What became of a write.
struct Written {
  std::size_t taken = 0;  // bytes that are the kernel's now
  // The rest is in the kernel's hands too, and must stay as it is until `on_written` or `on_all_written`.
  // False, and fewer taken than given: the kernel is full, and `on_written` tells when it has room.
  bool pending = false;
};

// One datagram that came. It is lent: `bytes` may be overwritten, and is gone when the upcall returns.
struct Received {
  std::span<char> bytes;
  Address peer;       // a local sender without a name: Address::local_peer(0)
  Address asked;      // our address that it was sent to, port included; unspecified where that is not known
  bool whole = true;  // false: it was longer than Limits::datagram_bytes, and its end is lost
};

// One datagram to be sent.
struct Outgoing {
  std::string_view bytes;
  const Address* to = nullptr;    // null: the connected peer
  const Address* from = nullptr;  // which of our addresses it comes from; null: the kernel chooses
};

// What became of a batch of datagrams.
struct Sent {
  std::size_t count = 0;  // that many from its beginning are sent
  bool pending = false;   // the rest is in the kernel's hands, and must stay as it is until `on_sent`
  // Why the one after them is not. would_block: there is no room; `on_sent` with a count of 0 tells when
  // there is again, but for a local socket that is not connected, where nobody tells.
  std::error_code error{};
};

// A change of a socket of datagrams. `value` is the index of an interface (join, leave, interface; 0: the
// kernel's choice), a number of routers (hops), or 0 and 1 (loop, broadcast).
struct DatagramChange {
  enum What : std::uint8_t { join, leave, hops, loop, interface, broadcast } what;
  std::uint32_t value = 0;
  Address group{};
};

// What can be switched of a connection's TCP.
enum class StreamOption : std::uint8_t {
  no_delay,    // small pieces are sent at once (RFC 896's algorithm off)
  keep_alive,  // an idle peer is probed (RFC 1122, section 4.2.3.6)
};

// The boundary between the reactor and the kernel. A back end moves bytes; it knows nothing of protocols,
// queues or limits of memory. Its unit is a stream, a listener or a socket of datagrams, not the readiness of
// a descriptor, so that kernels that tell of completion (io_uring, IOCP) fit as well as those that tell of
// readiness.
//
// Upcalls come from within `turn` and `submit` alone, never from inside another call; every other call may be
// made at any time, inside an upcall too. What is asked for and fails, fails in an upcall, unless the call
// answers a Result, an error_code or Sent. Thread: the one that made it, `wake` apart.
class Backend {
 public:
  // What a back end says.
  class Upcalls : public Relief {
   public:
    // After `connect`: the connection is made, and is not read yet. Otherwise `on_failed` comes.
    virtual void on_connected(StreamSlot& slot) = 0;
    // Bytes have arrived. They are lent for the time of the call and may be overwritten; `take_lent` keeps
    // them.
    virtual void on_received(StreamSlot& slot, std::span<char> lent) = 0;
    // The peer sends no more. Comes once; nothing is received afterwards.
    virtual void on_end(StreamSlot& slot) = 0;
    // After a write that was not taken whole: `taken` more bytes of it (none for the rest of a write that
    // was not pending) are the kernel's, and another write may start.
    virtual void on_written(StreamSlot& slot, std::size_t taken) = 0;
    // Every write that is pending and was not told by `on_written` is taken whole: one call where all went
    // well.
    virtual void on_all_written() = 0;
    // The connection is broken, or was not made. Comes once; only `on_written`, `on_closed` and `on_detached`
    // follow.
    virtual void on_failed(StreamSlot& slot, std::error_code error) = 0;
    // Follows `close`, when nothing of the slot's bytes and storage is in use any more: both may be freed.
    virtual void on_closed(StreamSlot& slot) = 0;
    // Follows `detach` in the same way: hands the descriptor over, and what had been received but not
    // delivered (lent for the time of the call).
    virtual void on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) = 0;

    // A connection has come: it is to be opened or discarded.
    virtual void on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) = 0;
    // None could be accepted. The listener accepts no more until `set_accepting`, so that nothing spins.
    virtual void on_accept_failed(ListenerSlot& slot, std::error_code error) = 0;

    // Datagrams have come; never none.
    virtual void on_datagrams(DatagramSlot& slot, std::span<Received> lent) = 0;
    // After a batch that was pending, or found no room: `count` more of it are sent, and another may start.
    // With an error: the one after them was not sent for that reason.
    virtual void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) = 0;
    // Receiving failed, or the network told of a datagram sent earlier (that nobody listens there).
    virtual void on_datagram_error(DatagramSlot& slot, std::error_code error) = 0;
    // Follows `close`, as for a stream.
    virtual void on_closed(DatagramSlot& slot) = 0;

    virtual void on_ready(WatchSlot& slot, Interest ready) = 0;
    // `wake` was called since the turn before.
    virtual void on_woken() = 0;

   protected:
    ~Upcalls() = default;
  };

  virtual ~Backend() = default;

  // Streams.

  // Takes over a connected stream. It is not read until `set_reading`.
  virtual void open(StreamSlot& slot, Handle handle) = 0;
  // Begins to connect a new stream to a numeric address. `on_connected` or `on_failed` follows; `close` gives
  // up.
  virtual void connect(StreamSlot& slot, const Address& to, const ConnectOptions& options) = 0;
  // Closes what was accepted, or detached, and is not opened.
  virtual void discard(Handle handle) noexcept = 0;
  // After `set_reading(false)` nothing is delivered, not even what is already at hand.
  virtual void set_reading(StreamSlot& slot, bool on) = 0;
  // From the next receive on, no connection is delivered more than so many bytes per turn: `read_bytes` of
  // the limits, which holds at first, or fewer.
  virtual void limit_input(std::size_t bytes) = 0;
  // Inside `on_received`: gives away the block that the lent bytes stand in, from its beginning on, so that
  // they need not be copied. A back end may always keep it, and answer none; and does so where the bytes fill
  // less than a quarter of it, so that who takes it holds no more memory than four times what it was sent.
  virtual InputBlock take_lent(std::span<const char> /*lent*/) { return {}; }
  // Sends the pieces, in order. One write at a time: when not everything was taken, or the write is
  // pending, exactly one `on_written` follows (unless the slot is closed first and the write was not
  // pending), and no write may be started before it.
  virtual Written start_write(StreamSlot& slot, std::span<const std::string_view> pieces) = 0;
  // Sends what goes now of the pieces, pins nothing, and answers how many bytes that was: 0 where a back end
  // cannot. No `on_written` follows. No write may be under way.
  virtual std::size_t offer(StreamSlot& slot, std::span<const std::string_view> pieces) = 0;
  // As `start_write`, for `count` bytes of an open file from `offset` on. The file stays the caller's, and
  // open until `on_written`. Fewer bytes in the file than that: `on_failed`, with
  // FileFailure::shorter.
  virtual Written start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset, std::size_t count) = 0;
  // Ends our direction. No write may be under way or follow.
  virtual void shutdown_write(StreamSlot& slot) = 0;
  // Gives the connection up: no upcall but a pending write's `on_written`, then `on_closed`. With `reset`
  // what the kernel still holds for the peer is dropped too, and the peer told so (RFC 9293, 3.10.5).
  virtual void close(StreamSlot& slot, bool reset) = 0;
  // Gives the descriptor back, still connected: no upcall but a pending `on_written`, then `on_detached`.
  virtual void detach(StreamSlot& slot) = 0;
  // Our end's address; unspecified when it can't be told.
  virtual Address host(const StreamSlot& slot) const = 0;
  // About how many bytes it has taken that have not arrived at the peer's kernel, which takes as many as the
  // peer reads once its own buffer is full; none where that is not known. Of a local socket: the memory of
  // what the peer has not read.
  virtual std::optional<std::size_t> held(const StreamSlot& slot) const = 0;

  // operation_not_supported where it is not TCP.
  virtual std::error_code set_option(StreamSlot& slot, StreamOption what, bool on) = 0;
  virtual Result<bool> option(const StreamSlot& slot, StreamOption what) const = 0;
  // What the system's own calls know it by; -1 where there is no such thing. Of any slot that is in use.
  virtual int fileno(const Slot& slot) const = 0;

  // Listeners.

  // Listens at the address and answers the real one (the port that the kernel chose). `at` with no host: IPv6
  // and IPv4 both, where the machine has IPv6, or with `v6_only` IPv6 alone. It accepts once `set_accepting`
  // says so.
  virtual Result<Address> listen(ListenerSlot& slot, const Address& at, const ListenOptions& options) = 0;
  // Takes over a socket that listens already and does not block, and answers its address. Of the options,
  // those hold that say what an accepted connection begins with. It is left to the caller where it does not
  // listen, or an option cannot be. `unlisten` leaves a path that it has in the file system.
  virtual Result<Address> adopt(ListenerSlot& slot, Handle handle, const ListenOptions& options) = 0;
  virtual void set_accepting(ListenerSlot& slot, bool on) = 0;
  // Out of descriptors: accepts one connection on a descriptor kept in reserve, says the words to it, and
  // closes it. False when none waits or none could be spared.
  virtual bool refuse(ListenerSlot& slot, std::string_view words) = 0;
  // No upcall follows; the slot may be freed at once.
  virtual void unlisten(ListenerSlot& slot) = 0;

  // Datagrams.

  // Opens a socket at the address and answers the real one. No host: IPv6 and IPv4 both, as for `listen`; a
  // local address without a path: no name. Nothing is received until `set_receiving`.
  virtual Result<Address> bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options) = 0;
  // Sends to `peer` and receives from it alone, from now on. May come again.
  virtual std::error_code connect(DatagramSlot& slot, const Address& peer) = 0;
  virtual std::error_code change(DatagramSlot& slot, const DatagramChange& what) = 0;
  // What comes while it is off waits in the kernel.
  virtual void set_receiving(DatagramSlot& slot, bool on) = 0;
  // Sends the batch, in order. One batch at a time: after one that is pending, or found no room, exactly one
  // `on_sent` follows (Sent names the exception), and no other may be started before it.
  virtual Sent start_send(DatagramSlot& slot, std::span<const Outgoing> batch) = 0;
  // Receives and sends no more; a path in the file system is removed. No upcall but a pending batch's
  // `on_sent`, then `on_closed`.
  virtual void close(DatagramSlot& slot) = 0;
  virtual Address host(const DatagramSlot& slot) const = 0;

  // Descriptors of somebody else, who keeps them open: the one place where readiness is meant. No upcall
  // follows `unwatch`; the slot may be freed at once. An interest of `none` stays known, and is silent. A
  // descriptor has one watch at a time. `watch` throws SocketError for one that cannot be watched.
  virtual void watch(WatchSlot& slot, Handle handle, Interest wanted) = 0;
  virtual void rewatch(WatchSlot& slot, Interest wanted) = 0;
  virtual void unwatch(WatchSlot& slot) = 0;

  // Sends what was started and can be sent now; delivers no input.
  virtual void submit() = 0;
  // Waits until something happens, `wake` is called, or the deadline (none: for ever; one that has
  // passed: does not wait), and delivers what has happened, within the limits of one turn.
  virtual void turn(std::optional<Time> deadline) = 0;
  // Ends the waiting of the present or the next turn. Thread: any.
  virtual void wake() noexcept = 0;
  // In the child of a fork, before anything else: makes anew what both processes would share. Each slot that
  // is in use is registered anew then, by whoever has it.
  virtual void renew() = 0;
  virtual void register_anew(StreamSlot& /*slot*/) {}
  virtual void register_anew(ListenerSlot& /*slot*/) {}
  virtual void register_anew(DatagramSlot& /*slot*/) {}
  virtual void register_anew(WatchSlot& /*slot*/) {}
};

// What a back end is made with, and what makes one for a loop, on the loop's thread.
struct BackendSetting {
  Backend::Upcalls& up;
  const Limits& limits;
  const Clock& clock;
};
using MakeBackend = std::function<std::unique_ptr<Backend>(const BackendSetting&)>;

}  // namespace parley
