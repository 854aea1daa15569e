#include "parley/reactor/loop/flusher.h"

#include <algorithm>
#include <utility>

#include "parley/socket/blocking.h"

namespace parley {

namespace {

// Also when nothing helps against a lack of memory, the next flush is one.
class Flushing {
 public:
  explicit Flushing(bool& flag) : flag_(flag) { flag_ = true; }
  ~Flushing() { flag_ = false; }
  Flushing(const Flushing&) = delete;
  Flushing& operator=(const Flushing&) = delete;

 private:
  bool& flag_;
};

}  // namespace

// It stays until the loop goes: what stands on it may be in flight, and forms come again.
Tape& Flusher::group_tape(std::uint8_t form) {
  if (form == Forms::plain) return group_tape_;
  while (form_tapes_.size() < form)
    form_tapes_.push_back(std::make_unique<Tape>(tape_limit(backlog_.limit())));
  return *form_tapes_[form - 1U];
}

inline void Flusher::rewind() {
  group_tape_.rewind();
  single_tape_.rewind();
  scratch_.rewind();
  started_.clear();
  if (room_ != tape_bytes_) rewind_forms();
}

// The back end may call somebody from `submit` (who was waiting for a connection to leave, or to be made),
// and that one may write: what it wrote goes with this flush.
void Flusher::flush() {
  if (flushing_) return;
  if (open_ != 0) close_runs();
  if (dirty_count_ == 0) {
    if (in_flight_ == 0) rewind();  // what was written to nobody goes too
    return;
  }
  const Flushing now(flushing_);
  std::size_t next = 0;
  do {
    if (pends_) find_memory_for(nullptr, [&] { started_.reserve(started_.size() + dirty_count_ - next); });
    for (; next < dirty_count_; ++next) {
      Connection& connection = *dirty_[next];
      if (!connection.output.any(Output::dirty)) continue;  // its place was freed since
      connection.output.clear(Output::dirty);
      try {
        flush(connection);
      } catch (const std::bad_alloc&) {
        owner_.starved(connection);
      }
    }
    backend_->submit();  // completions may leave something to send
    close_runs();
  } while (next < dirty_count_);
  dirty_count_ = 0;
  if (in_flight_ == 0) {
    rewind();
  } else {
    end_epoch();
  }
}

// As almost always: one slice on a tape, which the kernel takes whole, and from which nothing follows.
inline void Flusher::flush(Connection& connection) {
  const std::string_view only = connection.outbox.only_slice();
  if (only.empty() || !connection.flows()) return send(connection);
  const Written written = backend_->start_write(connection, {&only, 1});
  if (!written.pending && written.taken == only.size()) {
    connection.outbox.drop_only_slice();
  } else {
    sent(connection, written, only.size());
  }
}

// By an eighth, not to the double: with many clients, this is memory that each of them pays for.
bool Flusher::grow_dirty(Connection& connection) {
  const std::size_t larger = dirty_capacity_ + dirty_capacity_ / 8 + 64;
  return find_memory_for(&connection, [&] {
    auto grown = std::make_unique_for_overwrite<Connection*[]>(larger);
    std::copy_n(dirty_.get(), dirty_count_, grown.get());
    dirty_ = std::move(grown);
    dirty_capacity_ = larger;
  });
}

void Flusher::send(Connection& connection) {
  Outbox& outbox = connection.outbox;
  if (connection.given_up()) return;
  if (connection.filtered()) return send_filtered(connection);
  if (connection.output.any(Output::waits)) {
    keep(connection);  // the tapes go; its turn comes with `on_written`
    owner_.after_flush(connection);
    return;
  }
  if (outbox.empty()) {
    if (!connection.flows()) owner_.after_flush(connection);
    return;
  }
  Written written;
  std::size_t total = 0;
  do {
    outbox.consume(written.taken, backlog_);
    if (!start(connection, outbox, written, total)) return;
    if (!written.pending && in_flight_ == 0) scratch_.rewind();
  } while (!written.pending && written.taken == total && total < outbox.size());
  sent(connection, written, total);
}

// A file goes by itself, and what comes before and after it in writes of their own. False: there was no
// memory, and the connection was lost.
bool Flusher::start(Connection& connection, Outbox& wire, Written& written, std::size_t& total) {
  if (const FilePart* const part = wire.first_file()) {
    total = part->count;
    written = backend_->start_send_file(connection, Handle{part->file.fileno()}, part->offset, total);
    return true;
  }
  const auto gather = [&] {
    pieces_.clear();
    total = wire.gather(scratch_, pieces_);
  };
  if (!find_memory_for(&connection, gather)) return false;
  written = backend_->start_write(connection, pieces_);
  return true;
}

// What became of a write of `total` bytes, the last that could be started.
void Flusher::sent(Connection& connection, Written written, std::size_t total) {
  begun(connection, connection.outbox, written, total);
  if (written.pending) return;
  if (!connection.outbox.empty() || !connection.flows()) owner_.after_flush(connection);
}

void Flusher::begun(Connection& connection, Outbox& wire, Written written, std::size_t total) {
  wire.consume(written.taken, backlog_);
  owner_.freed();
  if (written.taken != 0 && connection.output.any(Output::lagging)) owner_.took(connection, written.taken);
  if (written.pending) {  // the rest is told by on_written
    pends_ = true;
    add(started_, Started{&connection, total - written.taken}, owner_);
    connection.output.set(Output::waits, Output::in_flight);
    ++in_flight_;
  } else if (written.taken < total) {
    connection.output.set(Output::waits);
    keep(connection);
  }
}

// One connection at a time goes through its filters and to the kernel, a piece after another, so that what
// they make of a thousand connections never stands side by side. While a write is under way they make
// nothing: what waits is what the application has written.
void Flusher::send_filtered(Connection& connection) {
  if (connection.output.any(Output::waits)) keep(connection);
  bool again = !connection.output.any(Output::waits, Output::ended);
  std::size_t shown = 0;
  while (again) {
    // What was not taken before goes first, and alone where it is much.
    if (connection.wire().size() < filter_window_) {
      const std::size_t before = connection.outbox.size();
      again = flush_filters(connection);
      shown += before - std::min(before, connection.outbox.size());
    }
    if (connection.given_up()) return;
    Outbox& wire = connection.wire();
    if (!wire.empty()) {
      std::size_t total = 0;
      Written written;
      if (!start(connection, wire, written, total)) return;
      begun(connection, wire, written, total);
      if (connection.given_up()) return;
      again = (again || !wire.empty()) && !connection.output.any(Output::waits);
    }
    if (!again) break;
    reuse_scratch(connection);
    if (connection.given_up()) return;
    if (shown < turn_bytes_) continue;
    owner_.flush_again(connection);
    break;
  }
  keep(connection);
  if (in_flight_ == 0) scratch_.rewind();
  owner_.after_flush(connection);
}

// What stood on it has left, for the most part.
void Flusher::reuse_scratch(Connection& connection) {
  if (in_flight_ != 0) return;
  if (!connection.filters().nothing_below()) {
    if (scratch_.held() < 4 * filter_window_) return;
    keep(connection);
  }
  scratch_.rewind();
}

// Answers whether they have more to give.
bool Flusher::flush_filters(Connection& connection) {
  const bool ends = connection.output.any(Output::ending) || connection.life == Life::closing;
  bool again = false;
  in_filters_of_ = &connection;
  try {
    const InsideReactor inside;
    again = connection.filters().flush(filter_window_, ends, scratch_, backlog_);
  } catch (...) {
    owner_.filter_failed(connection);
  }
  in_filters_of_ = nullptr;
  if (connection.given_up()) owner_.filters_left(connection);
  return again;
}

// Looked at before anything is copied: what all that lag may hold is not passed first, and made up for then.
void Flusher::keep(Connection& connection) {
  const std::size_t wanted = connection.to_keep();
  if (!backlog_.has_room(wanted) && !owner_.make_room(connection, wanted)) return;
  find_memory_for(&connection, [&] {
    connection.wire().keep(backlog_);
    if (connection.filtered()) connection.filters().keep_above_wire(backlog_);
  });
}

void Flusher::on_written(Connection& connection, std::size_t taken) {
  written(connection, taken);
  if (connection.given_up()) return;
  if (!connection.filtered() && connection.outbox.empty()) {
    owner_.after_flush(connection);
  } else {
    mark(connection);
  }
}

void Flusher::written(Connection& connection, std::size_t taken) {
  if (taken != 0 && connection.output.any(Output::lagging)) owner_.took(connection, taken);
  if (connection.output.any(Output::in_flight)) {
    Outbox& wire = connection.wire();
    const std::uint64_t epoch = wire.epoch();
    wire.end_epoch();
    wire.consume(taken, backlog_);
    if (epoch == 0) {  // the present one: the tapes still stand
      --in_flight_;
      // What filters have made stands on the scratch, which goes when nothing in flight is on it.
      if (connection.filtered()) wire.keep(backlog_);
    } else {
      unpin(epoch);
    }
  }
  connection.output.clear(Output::waits, Output::in_flight);
}

// The list is gone through from its end: of a connection that has written twice the last entry counts, and it
// is not in flight any more when the others are met.
bool Flusher::on_all_written() {
  bool last_words = false;
  const std::vector<Started> started = std::exchange(started_, {});
  for (auto it = started.rbegin(); it != started.rend(); ++it) {
    Connection& connection = *it->connection;
    if (!connection.output.any(Output::in_flight)) continue;
    const Outbox& wire = connection.wire();
    on_written(connection, wire.epoch() == 0 ? it->pinned : wire.pinned());
    last_words = last_words || (connection.output.any(Output::dirty) && connection.life == Life::closing);
  }
  return last_words;
}

void Flusher::rewind_forms() {
  for (const auto& tape : form_tapes_) tape->rewind();
  room_ = tape_bytes_;
}

void Flusher::end_epoch() {
  const std::uint64_t number = first_epoch_ + epochs_.size();
  with_relief(owner_, [&] { epochs_.push_back(Epoch{.writes = in_flight_}); });
  Epoch& epoch = epochs_.back();
  for (auto it = started_.rbegin(); it != started_.rend(); ++it) {
    Connection& connection = *it->connection;
    if (!connection.output.any(Output::in_flight)) continue;
    Outbox& wire = connection.wire();
    if (wire.epoch() != 0) continue;
    if (!connection.given_up()) keep(connection);  // what was given up is not read any more
    wire.set_epoch(number, it->pinned);
    if (!connection.given_up()) owner_.after_flush(connection);
  }
  started_.clear();
  in_flight_ = 0;
  const auto give_away = [&](Tape& tape) {
    with_relief(owner_, [&] { epoch.memory += tape.give_away(epoch.blocks); });
  };
  for (Tape* const tape : {&group_tape_, &single_tape_, &scratch_}) {
    give_away(*tape);
  }
  for (const auto& tape : form_tapes_) give_away(*tape);
  backlog_.charge(epoch.memory);
  room_ = tape_bytes_;
}

// Epochs end in any order; their numbers are places in the list, which is cut at its beginning alone.
void Flusher::unpin(std::uint64_t number) {
  Epoch& epoch = epochs_[number - first_epoch_];
  if (--epoch.writes == 0) {
    epoch.blocks.clear();
    backlog_.discharge(std::exchange(epoch.memory, 0));
  }
  while (!epochs_.empty() && epochs_.front().writes == 0) {
    epochs_.pop_front();
    ++first_epoch_;
  }
}

}  // namespace parley
