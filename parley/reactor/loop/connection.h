#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

#include "parley/base/bits.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/loop/filters.h"
#include "parley/reactor/loop/outbox.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"

namespace parley {

class Connections;

// How far a connection is in its life. It only goes forward, but for `leaving`.
enum class Life : std::uint8_t {
  unused,      // a free place of the table
  connecting,  // being made; it has no protocol yet
  open,
  leaving,    // lose_connection was called; its producer is waited for, and the connection is open until then
  closing,    // closes once all is sent
  lingering,  // all is sent, and our end; what still comes is dropped until the peer's end. From here on
              // connection_lost is due, or was told
  detaching,  // leaves this reactor: on_detached is to come
  given_up,   // closed towards the back end: on_closed is to come
  closed,     // it has come; the protocol is yet to be told
};

// Why a connection is not read, and what the back end and its peer have said of its input.
enum class Input : std::uint8_t {
  paused = 1U << 0,      // by the program
  braked = 1U << 1,      // it writes to somebody far behind
  held = 1U << 2,        // it has published its share of this turn
  resuming = 1U << 3,    // reading_resumed is to be told first
  reads = 1U << 4,       // the back end was told to read
  peer_ended = 1U << 5,  // nothing more comes
  withheld = 1U << 6,    // by one of its filters
  waiting = 1U << 7,     // counted among those that the loop makes wait, until it has gone on
};

// What becomes of what it writes.
enum class Output : std::uint8_t {
  shut = 1U << 0,       // nothing more is taken: it ends, closes, or is gone
  ending = 1U << 1,     // our direction ends once all is sent
  ended = 1U << 2,      // it has
  waits = 1U << 3,      // a write was not taken whole: on_written is to come
  in_flight = 1U << 4,  // and its bytes are pinned
  dirty = 1U << 5,      // in the flusher's list
  lagging = 1U << 6,    // more than an eighth of a sendq behind
  full = 1U << 7,       // the protocol was told pause_writing
};

// Who has to do with it.
enum class Bond : std::uint8_t {
  produces = 1U << 0,  // it has a producer
  pulls = 1U << 1,     // which is asked for each piece
  hungry = 1U << 2,    // in the list of those whose producer is to be asked
  filtered = 1U << 3,  // its protocol is a filter
  followed = 1U << 4,  // somebody is called when it has gone
  apart = 1U << 5,     // is left out of a part of the run that is being written
  by_peer = 1U << 6,   // closes because the peer has ended
  pressure = 1U << 7,  // in the list of those to be told pause_writing or resume_writing
};

// A connection's place in the table: the transport of its protocol, and all that an idle client costs here.
// `Connections` decides; this remembers.
class Connection final : public Transport, public StreamSlot {
 public:
  Connection() { id_.generation = 1; }
  ~Connection() = default;

  // Each hands on to Connections, and stands in connections_transport.cpp.
  void write(std::string_view bytes) override;
  void write(Slice slice) override;
  void writelines(std::span<const std::string_view> pieces) override;
  using Transport::send_file;
  void send_file(OpenFile file, std::uint64_t offset, std::uint64_t count) override;
  void pause_reading() override;
  void resume_reading() override;
  bool reading() const override {
    return life == Life::open &&
           !input.any(Input::paused, Input::braked, Input::held, Input::resuming, Input::withheld);
  }
  bool resting() const override {
    return life == Life::open && input.any(Input::braked, Input::held, Input::resuming) &&
           !input.any(Input::paused, Input::withheld);
  }
  InputBlock take_lent(std::span<const char> lent) override;
  void shutdown_write() override;
  void lose_connection() override;
  void abort_connection() override;
  void register_producer(Producer& producer, Production how) override;
  void unregister_producer() override;
  void insert(std::unique_ptr<Filter> filter, std::string_view rest) override;
  std::size_t queued() const override;
  Address peer() const override { return Address(peer_); }
  Address host() const override;
  int fileno() const override;
  const Filter* lowest_filter() const override { return filtered() ? protocol_->as_filter() : nullptr; }

  // Its end is due to be told, or was.
  bool lost() const { return life >= Life::lingering; }
  // The back end's last word is awaited, or was said.
  bool given_up() const { return life >= Life::detaching; }
  bool has_protocol() const { return protocol_ != nullptr; }
  // What it writes may go to the kernel, and when all has gone, nothing follows from that: as almost always.
  bool flows() const {
    return life == Life::open && !output.any(Output::waits, Output::lagging, Output::full, Output::ending) &&
           !bond.any(Bond::pulls, Bond::filtered);
  }
  bool filtered() const { return bond.any(Bond::filtered); }
  // It closes, and its filters hold something back that may need input before it can leave.
  bool filters_wait() {
    return filtered() && (life == Life::leaving || life == Life::closing) && has_protocol() &&
           filters().hold_back();
  }
  // They may be given some.
  bool filters_read() const { return !input.any(Input::held, Input::resuming, Input::withheld); }
  // Its filters; it must have some.
  Filters filters() { return {*protocol_->as_filter(), outbox}; }
  // What goes to the kernel.
  Outbox& wire() { return filtered() ? filters().wire() : outbox; }
  // Sums over all that waits, in its filters too: nothing does; bytes, of files too; how far behind it is.
  bool nothing_waits() { return filtered() ? filters().empty() : outbox.empty(); }
  std::size_t size() { return filtered() ? filters().size() : outbox.size(); }
  std::size_t behind() { return filtered() ? filters().behind() : outbox.behind(); }
  std::size_t held() { return filtered() ? filters().held() : outbox.held(); }
  std::size_t to_keep() { return filtered() ? filters().to_keep() : outbox.to_keep(); }

  // What its application has written. In the cache line of the slot: whoever appends to the outbox must look
  // at `output` first.
  [[no_unique_address]] Outbox outbox;
  Life life = Life::unused;
  Bits<Input> input;
  Bits<Output> output;
  Bits<Bond> bond;

 private:
  friend class Connections;
  friend class Table;

  void set_option(StreamOption what, bool on) override;
  bool option(StreamOption what) const override;
  void flush_soon() override;
  void hold_input(bool held) override;
  void fail(std::error_code error) override;
  void fail_in_order(std::error_code error, std::string detail) override;
  void application_made() override;
  bool gone() const override { return given_up(); }

  Connections* owner_ = nullptr;
  std::unique_ptr<Protocol> protocol_;
  CompactAddress peer_;
};

static_assert(sizeof(Connection) <= 88);

}  // namespace parley
