#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/base/result.h"
#include "parley/socket/address.h"
#include "parley/socket/open_options.h"
#include "parley/socket/poller.h"

namespace parley {

// The seam towards the kernel. A back end moves bytes for connections; it knows nothing of protocols,
// queues or limits. It is given storage (a `Channel`, a `Door`, a `Watch`) that its caller owns and
// keeps in place until the back end has said that it is done with it.
//
// The order of calls: upcalls come from within `turn` and `gate` alone, never from inside another call
// of the back end; every other call may be made at any time, inside an upcall too.

// What a back end keeps in the slot of a connection.
struct Channel {
  int descriptor = -1;
  std::uint32_t state = 0;  // the back end's own
};

// A listening socket.
struct Door {
  int descriptor = -1;
  std::uint32_t state = 0;
};

// A descriptor that is not a connection of ours: signals, name look-ups, stdin, datagrams.
struct Watch {
  int descriptor = -1;
  std::uint32_t state = 0;
};

// What became of a write.
struct Written {
  // Bytes that are the kernel's now. Fewer than given: the kernel is full.
  std::size_t taken = 0;
  // The bytes are in the kernel's hands and must stay as they are until `on_written`.
  bool pending = false;
};

class Backend {
 public:
  // What a back end says. Implemented by the loop.
  class Upcalls {
   public:
    // Bytes have arrived. They are lent for the time of the call and may be overwritten.
    virtual void on_received(Channel& channel, std::span<char> lent) = 0;
    // The peer sends no more. Comes once; nothing is received afterwards.
    virtual void on_end(Channel& channel) = 0;
    // After a write that was not taken whole: `taken` more bytes of it (none for the rest of a write that
    // was not pending) are the kernel's, and another write may start.
    virtual void on_written(Channel& channel, std::size_t taken) = 0;
    // The connection is broken. Comes once; only `on_written`, `on_closed` and `on_detached` follow.
    virtual void on_failed(Channel& channel, std::error_code error) = 0;
    // Follows `close`, when nothing of the channel's bytes and storage is in use any more: both may be freed.
    virtual void on_closed(Channel& channel) = 0;
    // Follows `detach` in the same way: hands the descriptor over, and what had been received but not
    // delivered (lent for the time of the call).
    virtual void on_detached(Channel& channel, int descriptor, std::span<char> held) = 0;
    // A connection has come: it is to be opened or discarded.
    virtual void on_accepted(Door& door, int descriptor, const CompactAddress& peer) = 0;
    // None could be accepted. The door accepts no more until `set_accepting`, so that nothing spins.
    virtual void on_accept_failed(Door& door, std::error_code error) = 0;
    virtual void on_ready(Watch& watch, Interest ready) = 0;

   protected:
    ~Upcalls() = default;
  };

  virtual ~Backend() = default;

  // Takes over a connected stream. It is not read until `set_reading`.
  virtual void open(Channel& channel, int descriptor) = 0;
  // Closes a descriptor that was accepted and not opened.
  virtual void discard(int descriptor) noexcept = 0;
  // After `set_reading(false)` nothing is delivered, not even what is already at hand.
  virtual void set_reading(Channel& channel, bool on) = 0;
  // Sends the pieces, in order. One write at a time: when not everything was taken, or the write is
  // pending, exactly one `on_written` follows (unless the channel is closed first and the write was not
  // pending), and no write may be started before it.
  virtual Written start_write(Channel& channel, std::span<const std::string_view> pieces) = 0;
  // Whether no write is ever pending: what is written need not outlive the call.
  virtual bool takes_at_once() const { return false; }
  // Ends our direction. No write may be under way or follow.
  virtual void shutdown_write(Channel& channel) = 0;
  // Gives the connection up: no upcall but a pending write's `on_written`, then `on_closed`. With `reset`
  // what the kernel still holds for the peer is dropped too, and the peer told so (RFC 9293, 3.10.5).
  virtual void close(Channel& channel, bool reset) = 0;
  // Gives the descriptor back, still connected: no upcall but a pending `on_written`, then `on_detached`.
  virtual void detach(Channel& channel) = 0;
  // Our end's address; unspecified when it can't be told.
  virtual Address host(const Channel& channel) const = 0;

  // Listens at the address and answers the real one (the port that the kernel chose). `address` with
  // no host: IPv6 and IPv4 both, where the machine has IPv6, or with `v6_only` IPv6 alone. It accepts once
  // `set_accepting` says so.
  virtual Result<Address> listen(Door& door, const Address& address, const ListenOptions& options) = 0;
  // Takes over a socket that listens already and does not block, and answers its address. It is left to the
  // caller where it does not listen. `unlisten` leaves a path that it has in the file system.
  virtual Result<Address> adopt_door(Door& door, int descriptor) = 0;
  virtual void set_accepting(Door& door, bool on) = 0;
  // Out of descriptors: accepts one connection on a descriptor kept in reserve, says the words to it, and
  // closes it. False when none waits or none could be spared.
  virtual bool refuse(Door& door, std::string_view words) = 0;
  // No upcall follows; the door may be freed at once.
  virtual void unlisten(Door& door) = 0;

  // Watches a foreign descriptor, which the caller keeps open. No upcall follows `unwatch`; the storage
  // may be freed at once. An interest of `none` stays known, and is silent.
  virtual void watch(Watch& watch, int descriptor, Interest wanted) = 0;
  virtual void rewatch(Watch& watch, Interest wanted) = 0;
  virtual void unwatch(Watch& watch) = 0;

  // Sends what was started and can be sent now; delivers no input.
  virtual void gate() = 0;
  // Waits until something happens, `wake` is called, or the deadline (none: for ever; one that has
  // passed: does not wait), and delivers what has happened, within the limits of one turn.
  virtual void turn(std::optional<Time> deadline) = 0;
  // Ends the waiting of the present or the next turn. Thread: any.
  virtual void wake() noexcept = 0;
};

// What makes a back end for a loop, on the loop's thread.
struct BackendSetting {
  Backend::Upcalls& up;
  const Limits& limits;
  const Clock& clock;
};

}  // namespace parley
