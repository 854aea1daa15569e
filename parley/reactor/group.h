#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "parley/base/print.h"
#include "parley/base/tape.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/run.h"
#include "parley/reactor/transport.h"

namespace parley {

class Connection;
class Connections;

// Who is left out of a broadcast.
struct Omit {
  TransportId id;
};
inline Omit omit(const Transport& transport) {
  return {transport.id()};
}
inline Omit omit(TransportId id) {
  return {id};
}

// Connections that are told the same things. A message is written once, however many there are, and
// each member's share of a turn leaves in one send. Members leave by themselves when their connection is
// lost. Used on the reactor's thread; may be destroyed at any time before the reactor, inside a callback too.
class Group final : private detail::Run {
 public:
  explicit Group(Reactor& reactor);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Adds a connection. One that is added twice is told everything twice.
  void add(const Transport& transport) { add(transport.id()); }
  void add(TransportId id);
  // Takes a connection out; no error when it is not there. O(n).
  void remove(const Transport& transport) { remove(transport.id()); }
  void remove(TransportId id);

  // Sends the parts, printed one after another as one message, to every member.
  template <Printable... Parts>
  void broadcast(const Parts&... parts) {
    send(tape_.append(parts...), {});
  }
  // The same, to every member but one.
  template <Printable... Parts>
  void broadcast(Omit omitted, const Parts&... parts) {
    send(tape_.append(parts...), omitted.id);
  }

  // Members that are connected. O(n).
  std::size_t size() const;

 private:
  // A part of the run that one member is not told.
  struct Gap {
    TransportId member;
    std::string_view bytes;
  };

  // `message` stands on the group's tape.
  void send(std::string_view message, TransportId omitted);
  // Gives every member its slice of the run. Answers whether one of them lags.
  bool distribute() override;

  Connections& connections_;
  Tape& tape_;  // the loop's, for what groups are told
  std::vector<TransportId> members_;
  // Messages that stand side by side on the tape make a run, which the members are given once: before
  // anything else is queued for anybody, and before the flush.
  std::string_view run_;
  std::vector<Gap> gaps_;
};

}  // namespace parley
