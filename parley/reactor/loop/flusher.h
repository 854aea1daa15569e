#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/base/limits.h"
#include "parley/base/tape.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/loop/connection.h"
#include "parley/reactor/loop/forms.h"
#include "parley/reactor/loop/outbox.h"
#include "parley/reactor/run.h"

namespace parley {

// Where bytes leave the loop: its tapes, and the connections that have something to send. Once per turn
// each of these is flushed in one write; then the tapes are used again.
class Flusher {
 public:
  // Who hears how a flush went.
  class Owner : public Relief {
   public:
    // After each attempt to send, and when nothing could be: what has not left is kept.
    virtual void after_flush(Connection& connection) = 0;
    // Within the `catch` of what a filter has let escape.
    virtual void filter_failed(Connection& connection) = 0;
    // They have returned, and the connection was given up meanwhile.
    virtual void filters_left(Connection& connection) = 0;
    // They have more to give than one turn may take: it is to be flushed again in the next.
    virtual void flush_again(Connection& connection) = 0;
    // So much is to be kept for this one, and would pass the limit of all: those furthest behind go, this one
    // perhaps among them. Answers whether it may be kept.
    virtual bool make_room(Connection& connection, std::size_t bytes) = 0;
    // There was no memory for something of this connection's, or of nobody's: the one furthest behind goes.
    // Answers whether that was another one, so that it is to be tried again.
    virtual bool find_memory_for(Connection* connection) = 0;
    // There was none, and what has become of this one's bytes is not known.
    virtual void starved(Connection& connection) = 0;
    // Memory that clients had needed since they lagged was given back.
    virtual void freed() = 0;
    // The kernel has taken so many bytes of one that lags.
    virtual void took(Connection& connection, std::size_t bytes) = 0;

   protected:
    ~Owner() = default;
  };

  Flusher(const Limits& limits, const Forms& forms, Owner& owner)
      : tape_bytes_(limits.tape_bytes),
        filter_window_(std::min<std::size_t>(64 * 1024, limits.sendq_bytes / 4)),
        turn_bytes_(limits.turn_bytes),
        forms_(forms),
        owner_(owner),
        group_tape_(tape_limit(limits.queued_total)),
        single_tape_(tape_limit(limits.queued_total)),
        backlog_(limits.queued_total) {}
  void use(Backend& backend) { backend_ = &backend; }

  // What groups are told, in each form, and what single clients are: on tapes of their own, so that a reply
  // to one does not part the messages to all, nor one form another's. `form` is a place of `Forms`.
  Tape& group_tape(std::uint8_t form);
  Tape& single_tape() { return single_tape_; }
  BacklogStore& backlog() { return backlog_; }

  // The runs that are being written: at most one in each form, since order holds between groups too.
  void open_run(std::uint8_t form, detail::Run* run) {
    close_run(form);
    runs_[form] = run;
    open_ |= 1U << form;
  }
  void close_run(std::uint8_t form) {
    if ((open_ >> form & 1U) != 0) distribute(form);
  }
  // The one that this connection may get a part of.
  void close_run(const Connection& connection) {
    if (open_ != 0) close_run(forms_.of(connection.id()));
  }
  void close_runs() {
    while (open_ != 0) distribute(static_cast<std::uint8_t>(std::countr_zero(open_)));
  }
  // The same for this one alone.
  void close_run(std::uint8_t form, detail::Run* of) {
    if (runs_[form] == of) distribute(form);
  }

  // Copies the bytes onto the single tape and has the connection flushed, where there is room and they make
  // one slice with what it has there. False: nothing was done.
  bool write_in_room(Connection& connection, std::string_view bytes) {
    char* const to = single_tape_.next();
    if (open_ != 0 || bytes.size() > single_tape_.room_left() || dirty_count_ == dirty_capacity_ ||
        !connection.outbox.extends_at(to)) {
      return false;
    }
    single_tape_.take(bytes.size());
    connection.outbox.extend(to, bytes.size());
    mark(connection);
    std::memcpy(to, bytes.data(), bytes.size());
    return true;
  }
  // Has the connection flushed by the next `flush`.
  void mark(Connection& connection) {
    if (connection.output.any(Output::dirty)) return;
    if (dirty_count_ == dirty_capacity_ && !grow_dirty(connection)) return;
    connection.output.set(Output::dirty);
    dirty_[dirty_count_++] = &connection;
  }

  // Writes of earlier flushes are in flight.
  bool pins() const { return !epochs_.empty(); }
  // Nothing is to be sent.
  bool idle() const { return dirty_count_ == 0 && open_ == 0; }
  // A message to members in forms is so much longer than on the plain form's tape: counted is each message
  // once, as its longest form has it, or many forms would be flushed that much sooner and make more writes.
  void told_in_forms(std::size_t bytes) { room_ -= std::min(bytes, room_); }
  // Groups were told so much that the end of the turn is too late, or single clients were.
  bool full() const { return group_tape_.held() >= room_ || single_tape_.held() >= tape_bytes_; }

  // Flushes until nothing is dirty.
  void flush();
  // Whether filters are being flushed now, and those of this one.
  bool in_filters() const { return in_filters_of_ != nullptr; }
  bool in_filters_of(const Connection& connection) const { return in_filters_of_ == &connection; }
  void on_written(Connection& connection, std::size_t taken);
  // Answers whether last words are left to be sent.
  bool on_all_written();

 private:
  // The bytes that writes in flight have pinned.
  struct Epoch {
    std::size_t writes;
    Tape::Blocks blocks{};
    std::size_t memory = 0;
  };
  struct Started {
    Connection* connection;
    std::size_t pinned;  // bytes
  };

  void distribute(std::uint8_t form) {
    open_ &= ~(1U << form);
    std::exchange(runs_[form], nullptr)->distribute();
  }
  // Below this, a limit of everything that is written in one callback would be a nuisance.
  static constexpr std::size_t least_tape = 16 * 1024 * 1024;
  // A slice of a tape has no more than 32 bits for its size.
  static constexpr std::size_t tape_limit(std::size_t queued_total) {
    return std::clamp(queued_total, least_tape, std::size_t{0xffffffff});
  }

  bool grow_dirty(Connection& connection);
  // Tries until there is memory for it, or this connection is the next to go. Answers whether it was done.
  template <class Try>
  bool find_memory_for(Connection* connection, const Try& attempt) {
    while (true) {
      try {
        attempt();
        return true;
      } catch (const std::bad_alloc&) {
        if (!owner_.find_memory_for(connection)) return false;
      }
    }
  }
  void flush(Connection& connection);
  void send(Connection& connection);
  bool start(Connection& connection, Outbox& wire, Written& written, std::size_t& total);
  void send_filtered(Connection& connection);
  bool flush_filters(Connection& connection);
  void reuse_scratch(Connection& connection);
  void begun(Connection& connection, Outbox& wire, Written written, std::size_t total);
  void sent(Connection& connection, Written written, std::size_t total);
  void keep(Connection& connection);
  void written(Connection& connection, std::size_t taken);
  void end_epoch();
  void rewind();
  void rewind_forms();
  void unpin(std::uint64_t number);

  const std::size_t tape_bytes_;
  // What filters are shown at once: a few records of TLS, so that little more is made of what waits than the
  // kernel takes. What was made and not taken counts in what the client is behind.
  const std::size_t filter_window_;
  const std::size_t turn_bytes_;  // after so many of one connection the others have their turn
  const Forms& forms_;
  Owner& owner_;
  Backend* backend_ = nullptr;
  Tape group_tape_;  // of the plain form
  Tape single_tape_;
  std::vector<std::unique_ptr<Tape>> form_tapes_;  // of the others, from place 1 on; made when first used
  std::size_t room_ = tape_bytes_;                 // what these leave of it for the plain one
  Tape scratch_;
  BacklogStore backlog_;
  std::array<detail::Run*, Forms::most> runs_{};  // by form
  std::uint32_t open_ = 0;                        // a bit for each form in which one is open
  bool flushing_ = false;
  const Connection* in_filters_of_ = nullptr;
  // Those that have something to send; how many that are, and how many there is memory for.
  std::unique_ptr<Connection*[]> dirty_;
  std::size_t dirty_count_ = 0;
  std::size_t dirty_capacity_ = 0;
  std::vector<std::string_view> pieces_;

  // Writes that were started since the last epoch ended; one that is done stays in the list, without its
  // mark.
  std::vector<Started> started_;
  std::size_t in_flight_ = 0;      // how many of them are not done
  bool pends_ = false;             // the back end is one whose writes are pending
  std::deque<Epoch> epochs_;       // those that have ended and still pin something, and what is between them
  std::uint64_t first_epoch_ = 1;  // the number of the first of these
};

}  // namespace parley
