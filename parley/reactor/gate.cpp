#include "parley/reactor/gate.h"

#include <algorithm>
#include <utility>

namespace parley {

void Gate::run() {
  if (dirty_.empty()) {
    if (in_flight_.empty()) end_epoch();  // what was written to nobody goes too
    return;
  }
  std::size_t next = 0;
  do {
    while (next < dirty_.size()) {
      Connection& connection = *dirty_[next++];
      if (!connection.has(Connection::dirty)) continue;  // its place was freed since
      connection.clear(Connection::dirty);
      flush(connection);
    }
    backend_->submit();  // completions may leave something to send
  } while (next < dirty_.size());
  dirty_.clear();
  end_epoch();
}

void Gate::flush(Connection& connection) {
  Outbox& outbox = connection.outbox();
  if (connection.has(Connection::closed)) return;
  if (connection.has(Connection::waits)) {
    outbox.keep(backlog_);
    owner_.after_flush(connection);
    return;
  }
  if (!outbox.empty()) {
    const std::string_view only = outbox.only_slice();
    std::size_t total = only.size();
    std::span<const std::string_view> pieces(&only, 1);
    if (only.empty()) {
      pieces_.clear();
      total = outbox.gather(scratch_, pieces_);
      pieces = pieces_;
    }
    const Written written = backend_->start_write(connection, pieces);
    if (written.pending) {
      outbox.consume(written.taken, backlog_);  // the rest is told by on_written
      connection.set(Connection::waits | Connection::in_flight);
      in_flight_.push_back(&connection);
      return;
    }
    if (only.empty() && in_flight_.empty()) scratch_.rewind();
    outbox.consume(written.taken, backlog_);
    if (written.taken < total) {
      connection.set(Connection::waits);
      outbox.keep(backlog_);
    }
  }
  owner_.after_flush(connection);
}

void Gate::on_written(Connection& connection, std::size_t taken) {
  Outbox& outbox = connection.outbox();
  if (connection.has(Connection::in_flight)) {
    const auto started = std::find(in_flight_.begin(), in_flight_.end(), &connection);
    if (started != in_flight_.end()) {  // in this epoch: the tapes still stand
      *started = in_flight_.back();
      in_flight_.pop_back();
      outbox.consume(taken, backlog_);
    } else {
      const std::uint64_t epoch = outbox.epoch();
      outbox.consume(taken, backlog_);
      unpin(epoch);
    }
  }
  connection.clear(Connection::waits | Connection::in_flight);
  if (connection.has(Connection::closed)) return;
  if (outbox.empty()) {
    owner_.after_flush(connection);
  } else {
    mark(connection);
  }
}

void Gate::end_epoch() {
  if (in_flight_.empty()) {
    group_tape_.rewind();
    single_tape_.rewind();
    scratch_.rewind();
    return;
  }
  Epoch& epoch = epochs_.emplace_back(Epoch{epoch_++, in_flight_.size(), {}});
  for (Connection* connection : in_flight_) {
    connection->outbox().keep(backlog_);
    connection->outbox().set_epoch(epoch.number);
    if (!connection->has(Connection::closed)) owner_.after_flush(*connection);
  }
  in_flight_.clear();
  group_tape_.give_away(epoch.blocks);
  single_tape_.give_away(epoch.blocks);
  scratch_.give_away(epoch.blocks);
}

void Gate::unpin(std::uint64_t number) {
  const auto epoch =
      std::find_if(epochs_.begin(), epochs_.end(), [&](const Epoch& e) { return e.number == number; });
  if (--epoch->writes == 0) epochs_.erase(epoch);
}

}  // namespace parley
