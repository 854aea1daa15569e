#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "parley/base/print.h"
#include "parley/base/slice.h"
#include "parley/reactor/input_block.h"
#include "parley/reactor/producer.h"
#include "parley/socket/address.h"
#include "parley/socket/open_file.h"

namespace parley {

class Filter;
enum class StreamOption : std::uint8_t;

// Names a connection for as long as it lives and nothing afterwards: what everybody but the reactor
// holds. `Reactor::find` answers its transport, or null once it is gone. Never used twice in 2^32
// connections of one slot.
struct TransportId {
  std::uint32_t slot = 0xffffffff;
  std::uint32_t generation = 0;

  friend bool operator==(TransportId, TransportId) = default;
};

// Why a connection was lost: a value, which prints.
class Reason {
 public:
  enum class Kind : std::uint8_t {
    done,      // the peer closed it in good order
    closed,    // our lose_connection
    aborted,   // our abort_connection
    failed,    // `error` says how: reset by the peer, timed out ...
    behind,    // it did not read what it was sent: its sendq limit was passed
    overload,  // it was furthest behind when all that lagged passed queued_total
    handler,   // a handler of its protocol let an exception escape
    detached,  // it has left the reactor (Reactor::detach), and lives on elsewhere
  };

  explicit Reason(Kind kind, std::error_code error = {}) : kind_(kind), error_(error) {}

  Kind kind() const { return kind_; }
  const std::error_code& error() const { return error_; }

 private:
  Kind kind_;
  std::error_code error_;
};

void print(Writer& out, const Reason& reason);

// The seam between a program and the kernel: one end of a connection. It belongs to its reactor; a
// reference is valid until `connection_lost` has returned. Used from the loop's thread. No call here
// ever calls back: what follows from it comes from the loop, later in the same turn or in the next.
class Transport {
 public:
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Queues a copy of the bytes, to leave at the end of the turn. After `lose_connection`,
  // `shutdown_write` or the end of the connection: silently nothing.
  virtual void write(std::string_view bytes) = 0;
  // Queues bytes without copying them; the slice is held until they are sent. Below 1 KiB they are copied
  // all the same, which costs less.
  virtual void write(Slice slice) = 0;
  // Queues several pieces, in order, as one.
  virtual void writelines(std::span<const std::string_view> pieces) = 0;
  // Queues `count` bytes of a file from `offset` on, in order with what is written before and after. The
  // kernel reads them from its own memory where it can; they count in `queued` and for `pause_writing`,
  // but are no memory and pass no limit. The file is kept open until they are sent, and must not become
  // shorter: then the connection fails with FileFailure::shorter. Filters that look at what passes have it
  // read, 64 KiB at a time. Throws std::invalid_argument for no file.
  virtual void send_file(OpenFile file, std::uint64_t offset, std::uint64_t count) = 0;
  // All of it, as long as it is now. Throws SocketError where that cannot be told.
  void send_file(OpenFile file);

  // No `data_received` comes from now on, not even for what has arrived already, until
  // `resume_reading`. What comes meanwhile waits in the kernel, and then with the sender.
  virtual void pause_reading() = 0;
  // Reading goes on from the next turn, unless the connection is closing.
  virtual void resume_reading() = 0;
  // Whether input may be handled now. False while paused, while the brake holds a sender that others
  // cannot follow, when this turn's share of published bytes is used up, and once closing: a protocol
  // that cuts its input stops here, keeps the rest, and goes on in `reading_resumed`.
  virtual bool reading() const = 0;
  // Whether that is for the loop's reasons alone: it has told others more than they can follow, or is about
  // to be told that it goes on. `reading_resumed` follows.
  virtual bool resting() const { return false; }

  // Inside `data_received`, for those who keep large pieces: a block, the caller's own, that begins with the
  // lent bytes. It is the one that they were received into, where that can be given away: then nothing is
  // copied, and it is at most four times as large as they are. Otherwise it is a copy, as large as they are,
  // so too under a filter. `lent` is what `data_received` was given, all of it, and stays valid for the call.
  virtual InputBlock take_lent(std::span<const char> lent);

  // Sends the end of our output after what is queued; input goes on (half-close).
  virtual void shutdown_write() = 0;
  // Closes in good order: what is queued is sent first (and all that a producer still has), then our end of
  // output; input is discarded until the peer's end or for 2 s, so that the last words arrive.
  // `connection_lost` comes when all is with the kernel. A peer that takes neither 64 KiB nor all of it
  // within `Limits::close_timeout` is cut off.
  virtual void lose_connection() = 0;
  // Closes now: what is queued is dropped.
  virtual void abort_connection() = 0;

  // Has `producer` write here from now on, driven by how fast the peer reads. It stays the caller's, and
  // must live until it is unregistered or was told `stop_producing`. `lose_connection` waits until then.
  // Throws std::logic_error while another is registered. On a connection that has ended it is told
  // `stop_producing` soon.
  virtual void register_producer(Producer& producer, Production how) = 0;
  // It has written everything. No error when none is registered.
  virtual void unregister_producer() = 0;

  // Puts a filter, with those that it carries, under the protocol, above those that are there already: for
  // STARTTLS and the like. What was written until now leaves without passing it. Its `connection_made` comes
  // soon, and then, as its first input, `rest`: what had been received behind the place where it begins.
  // Whoever was received more and does not hand it on drops it. Nothing else is delivered before. Above a
  // filter that has not let anybody begin yet it is told when that does. On a connection that closes or has
  // ended the filter is dropped. Throws std::logic_error in a flush, while one is being put there already,
  // where our direction has ended, for a filter that carries a protocol, and for a `rest` above a filter that
  // has not let anybody begin; then nothing has changed.
  virtual void insert(std::unique_ptr<Filter> filter, std::string_view rest) = 0;

  // Bytes that wait here for a peer that does not take them.
  virtual std::size_t queued() const = 0;
  // The other end's address, as it was when the connection was made.
  virtual Address peer() const = 0;
  // Our end's address: asks the kernel. Unspecified when it can't be told any more.
  virtual Address host() const = 0;

  // Small pieces are sent at once, as they are at first unless `no_delay` of ListenOptions says otherwise;
  // off: they are gathered while earlier ones are under way (RFC 896). Throws SocketError where it is not TCP
  // (operation_not_supported). On a connection that has ended: silently nothing.
  void set_tcp_no_delay(bool on);
  bool tcp_no_delay() const;
  // An idle peer is probed, so that one that has gone without a word is found out (RFC 1122, section
  // 4.2.3.6): as often as the system is set to, which is after two hours at first (TCP_KEEPIDLE). Throws as
  // `set_tcp_no_delay`. Both answer false where it is not TCP, or has ended.
  void set_tcp_keep_alive(bool on);
  bool tcp_keep_alive() const;
  // The descriptor, for what nothing here does: other options of sockets, above all. It stays the reactor's,
  // which alone reads, writes and closes it. -1 where there is none: over the memory back end, of a
  // StringTransport, and after the end.
  virtual int fileno() const = 0;

  // The lowest of the filters that stand between it and its protocol; null: there is none.
  virtual const Filter* lowest_filter() const = 0;

  TransportId id() const { return id_; }

 protected:
  Transport() = default;
  ~Transport() = default;

  TransportId id_;

 private:
  friend class Filter;
  friend class Filters;

  virtual void set_option(StreamOption what, bool on) = 0;
  virtual bool option(StreamOption what) const = 0;

  // For its filters, each of which says the same of itself in the words of `Filter`.
  virtual void flush_soon() = 0;
  virtual void hold_input(bool held) = 0;
  virtual void fail(std::error_code error) = 0;
  virtual void fail_in_order(std::error_code error, std::string detail) = 0;
  virtual void application_made() {}
  // Nothing is sent any more, and nobody is to be asked for anything.
  virtual bool gone() const { return false; }
};

}  // namespace parley
