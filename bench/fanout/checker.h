// Writes the messages of a load, and checks every line that every client receives.
//
// A message is 64 bytes, "s=0007 q=000000000123 t=000001d2f4a8c0e1 " and a filler: sender, sequence and the
// time of sending (monotonic nanoseconds), in hexadecimal. A client must receive every message of every
// other client, each sender's in order and without a gap, as `[HOST:PORT] message\r\n`, and nothing else.
//
// Checking must cost less than sending, or it would be the checker that is measured. As all clients but the
// senders should receive the same bytes, the first to receive a line has it parsed and appended to the
// *tape*; whoever comes later has its bytes compared with the tape. Nothing is taken on trust: a client
// whose bytes differ, and each sender (which gets no line of its own), has all its lines parsed instead.
// Lines that the server says of its own, and that are announced to the checker, are on the tape too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/fanout/meter.h"

namespace bench {

// How many bytes of text a message has, without the end of its line.
constexpr std::size_t message_size = 64;

// One client that also sends: which of the clients it is, and its name as others see it, "[HOST:PORT] ".
struct Origin {
  std::size_t client;
  std::string name;
};

class Checker {
 public:
  // At most `window` messages of each sender are in flight at a time.
  Checker(const std::vector<Origin>& origins, std::size_t clients, std::size_t window);

  // The server may say this of its own, with its line end, as when somebody leaves.
  void expect(std::string notice) { notices_.push_back(std::move(notice)); }

  // Appends a sender's next message, sent at the given time, with its line end.
  void write(std::size_t sender, std::uint64_t time, std::string& out);

  // Takes what a client received.
  void receive(std::size_t client, std::string_view bytes, std::uint64_t time);

  // Messages of a sender that not every other client has received.
  std::size_t in_flight(std::size_t sender) const { return senders_[sender].sent - senders_[sender].done; }
  bool nothing_in_flight() const;

  // How many clients' bytes are compared with the tape.
  std::size_t on_tape() const;

  // Lines that should have come and have not (yet).
  std::uint64_t lost() const;
  // Lines that came after a later one of the same sender, or twice.
  std::uint64_t reordered() const { return reordered_; }
  // Lines that are neither one whole message of another client nor a notice that was expected.
  std::uint64_t cut() const { return cut_; }
  std::uint64_t deliveries() const { return deliveries_; }
  std::uint64_t reads() const { return reads_; }

  // From sending to reception, in nanoseconds, of all messages at up to 100 clients spread evenly.
  Histogram& latency() { return latency_; }

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);  // who says a notice
  struct Flight {
    std::uint64_t time = 0;
    std::size_t received = 0;
  };
  struct Sender {
    std::string name;
    std::size_t client;
    std::uint64_t sent = 0;
    std::uint64_t done = 0;
  };
  struct Line {
    std::uint64_t end;   // where it ends on the tape
    std::size_t sender;  // or nobody
    std::uint64_t sequence;
  };
  struct Receiver {
    bool sampled = false;
    bool on_tape = true;
    std::uint64_t offset = 0;         // on the tape: where its next line begins,
    std::uint64_t line = 0;           // and which one that is
    std::string rest;                 // the start of a line whose end has not come yet
    std::vector<std::uint64_t> next;  // off the tape: the sequence expected of each sender
  };

  std::size_t compare(Receiver& receiver, std::string_view bytes);
  std::size_t parse_all(Receiver& receiver, std::string_view bytes);
  std::optional<Line> parse(std::string_view line);
  bool is_next(const Line& line) const;
  void leave_tape(Receiver& receiver);
  void trim_tape();
  Flight& flight(std::size_t sender, std::uint64_t sequence) {
    return flights_[sender * window_ + (sequence & (window_ - 1))];
  }
  void count(const Receiver& receiver, std::size_t sender, std::uint64_t sequence);

  std::vector<std::string> notices_;
  std::vector<Sender> senders_;
  std::vector<Receiver> receivers_;
  std::size_t window_;           // a power of two
  std::vector<Flight> flights_;  // of each sender so many, by sequence

  std::string tape_;
  std::vector<Line> lines_;
  std::size_t trim_at_ = 0;
  std::uint64_t tape_begin_ = 0;              // what has been trimmed: bytes,
  std::uint64_t lines_begin_ = 0;             // lines,
  std::vector<std::uint64_t> next_at_begin_;  // and the sequence of each sender there
  std::vector<std::uint64_t> next_at_end_;

  std::uint64_t time_ = 0;
  std::uint64_t deliveries_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t reordered_ = 0;
  std::uint64_t cut_ = 0;
  Histogram latency_;
};

}  // namespace bench
