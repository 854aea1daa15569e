#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/base/move_only_function.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/reactor.h"

namespace parley {

// Several addresses of one host: the first that can be connected to wins (RFC 8305, section 5). They are
// tried alternately by family, IPv6 first, each `attempt_delay` after the one before, or at once when nothing
// else is under way. Closes all attempts but the winner when it goes.
class Race {
 public:
  struct Settings {
    Duration attempt_delay;
    ConnectOptions options;
  };
  struct Failure {
    Address address;
    std::error_code error;
  };
  // Exactly one of the two is called, once, from the loop; either may destroy the race.
  struct Outcome {
    // The connection, which is given up unless it is started (`Connections::start`) meanwhile, and its peer.
    MoveOnlyFunction<void(TransportId, const Address&)> won;
    MoveOnlyFunction<void()> lost;
  };

  Race(Reactor& reactor, Settings settings, Outcome outcome);
  ~Race();
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  // Addresses to be tried, in this order among their family. Before `start` and later.
  void add(const std::vector<Address>& addresses);
  // No more will be added.
  void complete() { complete_ = true; }
  // Goes on as far as it can. To be called from the loop, after `add` and `complete`.
  void go();

  const std::vector<Failure>& failures() const { return failures_; }
  // Those that have not answered yet.
  std::vector<Address> under_way() const;

 private:
  struct Attempt {
    TransportId connection;
    Address address;
  };
  using Attempts = std::list<Attempt>;

  std::optional<Address> next_address();
  void begin(const Address& address);
  void finished(Attempts::iterator attempt, std::error_code error);
  void go_on_in(Duration time);
  void clear();

  Reactor& reactor_;
  Settings settings_;
  Outcome outcome_;
  std::deque<Address> waiting_[2];  // inet6, and all others
  unsigned turn_ = 0;               // which of the two is next
  Attempts attempts_;
  Timer next_;
  bool complete_ = false;
  std::vector<Failure> failures_;
};

}  // namespace parley
