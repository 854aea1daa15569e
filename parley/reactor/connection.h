#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "parley/reactor/backend.h"
#include "parley/reactor/outbox.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"

namespace parley {

class Loop;

// A connection's place in the loop's table: the transport of its protocol, and all that an idle client
// costs here. The loop decides; this class remembers.
class Connection final : public Transport, public StreamSlot {
 public:
  // In `outbox().marks`: what whoever appends must know comes first.
  enum Mark : std::uint32_t {
    shut = 1U << 0,     // nothing more is sent: closing, ended or gone
    lagging = 1U << 1,  // more than half a sendq behind
    dirty = 1U << 2,    // in the gate's list
    gone = 1U << 3,     // has no protocol (any more)

    waits = 1U << 4,        // a write was not taken whole: `on_written` is to come
    in_flight = 1U << 5,    // and its bytes are pinned
    paused = 1U << 6,       // by the program
    braked = 1U << 7,       // by the brake
    held = 1U << 8,         // has published its share of this turn
    resuming = 1U << 9,     // to be told `reading_resumed`
    reads = 1U << 10,       // what the back end was told
    closing = 1U << 11,     // closes once all is sent
    ending = 1U << 12,      // ends our direction once all is sent
    ended = 1U << 13,       // our direction has ended
    peer_ended = 1U << 14,  // the peer's has
    writing_paused = 1U << 15,
    pressure = 1U << 16,  // in the list of those to be told so, or not any more
    closed = 1U << 17,    // given up to the back end: on_closed is to come
    free = 1U << 18,      // on_closed has come
    in_use = 1U << 19,
    lost = 1U << 20,        // connection_lost is due or was told
    by_peer = 1U << 21,     // closing because the peer has ended
    apart = 1U << 22,       // is left out of a part of the run that is being written
    produces = 1U << 23,    // has a producer
    pulls = 1U << 24,       // which is asked for each piece
    hungry = 1U << 25,      // in the list of those whose producer is to be asked
    leaving = 1U << 26,     // closes once its producer has finished
    filtered = 1U << 27,    // the application is above a filter, and is reached through `topmost`
    followed = 1U << 28,    // somebody is to be called when it has gone
    connecting = 1U << 29,  // is being made, and has no protocol yet
  };

  Connection() { id_.generation = 1; }
  ~Connection() = default;

  void write(std::string_view bytes) override;
  void write(Slice slice) override;
  void writelines(std::span<const std::string_view> pieces) override;
  void pause_reading() override;
  void resume_reading() override;
  bool reading() const override { return !has(paused | braked | held | resuming | leaving | closing | lost); }
  void shutdown_write() override;
  void lose_connection() override;
  void abort_connection() override;
  void register_producer(Producer& producer, Production how) override;
  void unregister_producer() override;
  std::size_t queued() const override;
  Address peer() const override { return Address(peer_); }
  Address host() const override;

  // What its application writes to: this, or the highest of its filters.
  Transport& topmost() { return protocol_ == nullptr ? *this : protocol_->topmost(); }

  Outbox& outbox() { return outbox_; }
  const Outbox& outbox() const { return outbox_; }
  bool has(std::uint32_t marks) const { return (outbox_.marks & marks) != 0; }
  void set(std::uint32_t marks) { outbox_.marks |= marks; }
  void clear(std::uint32_t marks) { outbox_.marks &= ~marks; }

 private:
  friend class Loop;
  friend class Table;

  Outbox outbox_;
  Loop* loop_ = nullptr;
  std::unique_ptr<Protocol> protocol_;
  CompactAddress peer_;
};

static_assert(sizeof(Connection) <= 88);

}  // namespace parley
