#include "parley/reactor/loop/flusher.h"

#include <algorithm>
#include <utility>

namespace parley {

// The back end may call somebody from `submit` (who was waiting for a connection to leave, or to be made),
// and that one may write: what it wrote goes with this flush.
void Flusher::flush() {
  if (flushing_) return;
  if (run_ != nullptr) close_run();
  if (dirty_count_ == 0) {
    if (in_flight_ == 0) rewind();  // what was written to nobody goes too
    return;
  }
  flushing_ = true;
  std::size_t next = 0;
  do {
    for (; next < dirty_count_; ++next) {
      Connection& connection = *dirty_[next];
      if (!connection.output.any(Output::dirty)) continue;  // its place was freed since
      connection.output.clear(Output::dirty);
      // As almost always: one slice on a tape, which the kernel takes whole, and from which nothing follows.
      if (const std::string_view only = connection.outbox.only_slice(); !only.empty() && connection.flows()) {
        const Written written = backend_->start_write(connection, {&only, 1});
        if (!written.pending && written.taken == only.size()) {
          connection.outbox.drop_only_slice();
        } else {
          sent(connection, written, only.size());
        }
      } else {
        send(connection);
      }
    }
    backend_->submit();  // completions may leave something to send
    close_run();
  } while (next < dirty_count_);
  dirty_count_ = 0;
  end_epoch();
  flushing_ = false;
}

// By an eighth, not to the double: with many clients, this is memory that each of them pays for.
void Flusher::grow_dirty() {
  const std::size_t larger = dirty_capacity_ + dirty_capacity_ / 8 + 64;
  auto grown = std::make_unique_for_overwrite<Connection*[]>(larger);
  std::copy_n(dirty_.get(), dirty_count_, grown.get());
  dirty_ = std::move(grown);
  dirty_capacity_ = larger;
}

void Flusher::send(Connection& connection) {
  Outbox& outbox = connection.outbox;
  if (connection.given_up()) return;
  if (connection.output.any(Output::waits)) {
    outbox.keep(backlog_);  // the tapes go; its turn comes with `on_written`
    owner_.after_flush(connection);
    return;
  }
  if (outbox.empty()) {
    if (!connection.flows()) owner_.after_flush(connection);
    return;
  }
  pieces_.clear();
  const std::size_t total = outbox.gather(scratch_, pieces_);
  const Written written = backend_->start_write(connection, pieces_);
  if (!written.pending && in_flight_ == 0) scratch_.rewind();
  sent(connection, written, total);
}

// What became of a write of `total` bytes, all that the connection had.
void Flusher::sent(Connection& connection, Written written, std::size_t total) {
  Outbox& outbox = connection.outbox;
  outbox.consume(written.taken, backlog_);
  if (written.pending) {  // the rest is told by on_written
    connection.output.set(Output::waits, Output::in_flight);
    started_.push_back({&connection, total - written.taken});
    ++in_flight_;
    return;
  }
  if (written.taken < total) {
    connection.output.set(Output::waits);
    outbox.keep(backlog_);
  }
  if (!connection.outbox.empty() || !connection.flows()) owner_.after_flush(connection);
}

void Flusher::on_written(Connection& connection, std::size_t taken) {
  written(connection, taken);
  if (connection.given_up()) return;
  if (connection.outbox.empty()) {
    owner_.after_flush(connection);
  } else {
    mark(connection);
  }
}

void Flusher::written(Connection& connection, std::size_t taken) {
  Outbox& outbox = connection.outbox;
  if (connection.output.any(Output::in_flight)) {
    const std::uint64_t epoch = outbox.epoch();
    outbox.end_epoch();
    outbox.consume(taken, backlog_);
    if (epoch == 0) {  // the present one: the tapes still stand
      --in_flight_;
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
    on_written(connection, connection.outbox.epoch() == 0 ? it->pinned : connection.outbox.pinned());
    last_words = last_words || (connection.output.any(Output::dirty) && connection.life == Life::closing);
  }
  return last_words;
}

void Flusher::rewind() {
  group_tape_.rewind();
  single_tape_.rewind();
  scratch_.rewind();
  started_.clear();
}

void Flusher::end_epoch() {
  if (in_flight_ == 0) return rewind();
  const std::uint64_t number = first_epoch_ + epochs_.size();
  Epoch& epoch = epochs_.emplace_back(Epoch{in_flight_, {}});
  for (auto it = started_.rbegin(); it != started_.rend(); ++it) {
    Connection& connection = *it->connection;
    if (!connection.output.any(Output::in_flight) || connection.outbox.epoch() != 0) continue;
    connection.outbox.keep(backlog_);
    connection.outbox.set_epoch(number, it->pinned);
    if (!connection.given_up()) owner_.after_flush(connection);
  }
  started_.clear();
  in_flight_ = 0;
  group_tape_.give_away(epoch.blocks);
  single_tape_.give_away(epoch.blocks);
  scratch_.give_away(epoch.blocks);
}

// Epochs end in any order; their numbers are places in the list, which is cut at its beginning alone.
void Flusher::unpin(std::uint64_t number) {
  Epoch& epoch = epochs_[number - first_epoch_];
  if (--epoch.writes == 0) epoch.blocks.clear();
  while (!epochs_.empty() && epochs_.front().writes == 0) {
    epochs_.pop_front();
    ++first_epoch_;
  }
}

}  // namespace parley
