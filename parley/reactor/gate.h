#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "parley/base/limits.h"
#include "parley/base/tape.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/connection.h"
#include "parley/reactor/outbox.h"

namespace parley {

// Where bytes leave the loop: its tapes, and the connections that have something to send. Once per turn
// each of these is flushed in one write; then the tapes are used again.
class Gate {
 public:
  // Who hears how a flush went.
  class Owner {
   public:
    // After each attempt to send, and when nothing could be: what has not left is kept.
    virtual void after_flush(Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  Gate(const Limits& limits, Owner& owner) : limits_(limits), owner_(owner) {}
  void use(Backend& backend) { backend_ = &backend; }

  // What groups are told, and what single clients are: on two tapes, so that a reply to one does not
  // part the messages to all.
  Tape& group_tape() { return group_tape_; }
  Tape& single_tape() { return single_tape_; }
  BacklogStore& backlog() { return backlog_; }

  // Has the connection flushed by the next `run`.
  void mark(Connection& connection) {
    if (connection.has(Connection::dirty)) return;
    connection.set(Connection::dirty);
    // By an eighth, not to the double: with many clients, this is memory that each of them pays for.
    if (dirty_.size() == dirty_.capacity()) dirty_.reserve(dirty_.size() + dirty_.size() / 8 + 64);
    dirty_.push_back(&connection);
  }

  bool idle() const { return dirty_.empty(); }
  // A tape holds so much that the end of the turn is too late.
  bool full() const {
    return group_tape_.held() >= limits_.tape_bytes || single_tape_.held() >= limits_.tape_bytes;
  }

  // Flushes until nothing is dirty.
  void run();
  void on_written(Connection& connection, std::size_t taken);

 private:
  // The bytes that writes in flight have pinned.
  struct Epoch {
    std::uint64_t number;
    std::size_t writes;
    Tape::Blocks blocks;
  };

  void flush(Connection& connection);
  void end_epoch();
  void unpin(std::uint64_t number);

  const Limits& limits_;
  Owner& owner_;
  Backend* backend_ = nullptr;
  Tape group_tape_;
  Tape single_tape_;
  Tape scratch_;
  BacklogStore backlog_;
  std::vector<Connection*> dirty_;
  std::vector<Connection*> in_flight_;  // started since the last epoch ended
  std::vector<std::string_view> pieces_;
  std::deque<Epoch> epochs_;
  std::uint64_t epoch_ = 1;  // 0: in flight since the present one
};

}  // namespace parley
