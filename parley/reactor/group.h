#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "parley/base/print.h"
#include "parley/base/tape.h"
#include "parley/reactor/form.h"
#include "parley/reactor/members.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/transport.h"

namespace parley {

class Connections;
class Crowd;

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
class Group final {
 public:
  explicit Group(Reactor& reactor);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Adds a connection, which is told messages as they are printed. One that is added twice is told everything
  // twice. Throws std::logic_error while it is a member of some group in a form.
  void add(const Transport& transport) { add(transport.id()); }
  void add(TransportId id) { add(id, nullptr); }
  // Adds one that is told everything in this form. A connection has one form at a time: throws
  // std::logic_error while it is a member of some group in another, and std::length_error for a seventeenth
  // form of the reactor's groups (printed as it is counts as one; a form in which nobody is a member does
  // not).
  void add(const Transport& transport, Form& form) { add(transport.id(), &form); }
  void add(TransportId id, Form& form) { add(id, &form); }
  // Takes a connection out; no error when it is not there. O(n).
  void remove(const Transport& transport) { remove(transport.id()); }
  void remove(TransportId id);

  // Sends the parts, printed one after another as one message, to every member. Throws what printing or a
  // form throws; then nobody was told anything.
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
  void add(TransportId id, Form* form);
  detail::Members& members_in(Form* form, std::uint8_t place);
  // `message` stands on the plain form's tape.
  void send(std::string_view message, TransportId omitted);
  Duration rest_for_members(TransportId omitted);
  std::size_t send_in_forms(std::string_view message, TransportId omitted);

  Connections& connections_;
  Tape& tape_;  // the loop's, for what groups are told in the plain form
  detail::Members plain_;
  std::vector<std::unique_ptr<detail::Members>> formed_;  // those in other forms
  std::unique_ptr<Crowd> crowd_;                          // how the members keep up; made when one does not
};

}  // namespace parley
