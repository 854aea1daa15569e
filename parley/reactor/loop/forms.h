#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "parley/reactor/form.h"
#include "parley/reactor/run.h"
#include "parley/reactor/transport.h"

namespace parley {

// Which forms the members of a loop's groups are told things in. Each has a place, which is the number of its
// tape and of its run. A connection has one form at a time, since order holds within a form's run alone;
// which one is kept here and not with the connection, as it is looked for seldom.
class Forms {
 public:
  static constexpr std::uint8_t most = 16;
  static constexpr std::uint8_t plain = 0;  // its place

  // The connection becomes a member of a group in that form; null: the plain one. Answers the form's place.
  // Throws std::logic_error while it is a member somewhere in another, and std::length_error where there are
  // `most` other forms.
  std::uint8_t enter(TransportId id, Form* form);
  // The place of the form that it has; the plain one's too when it has none.
  std::uint8_t of(TransportId id) const { return id.slot < forms_.size() ? forms_[id.slot].place : plain; }
  // It is no member any more, and never will be.
  void leave(TransportId id) {
    if (id.slot < forms_.size()) drop(forms_[id.slot]);
  }
  // It has left a group.
  void quit(TransportId id) {
    OfConnection& its = forms_[id.slot];
    if (its.groups != 0 && its.groups != uncounted) --its.groups;
  }
  // Says, in `Run::mark_members`, that it is a member of one more.
  void mark(TransportId id) {
    OfConnection& its = forms_[id.slot];
    if (its.groups != uncounted) its.groups = (its.groups + 1U) & uncounted;
  }
  // Whether some connection may still be told things in this form, at this place.
  bool uses(std::uint8_t place, const Form* form) const { return places_[place].form == form; }

  // All that is written for somebody.
  void add(detail::Run& run);
  void remove(detail::Run& run);

 private:
  struct Place {
    Form* form = nullptr;
    std::size_t users = 0;  // connections
  };

  // From so many on they are not counted: where it matters, which is rare, all groups are asked.
  static constexpr std::uint8_t uncounted = 15;

  struct OfConnection {
    std::uint8_t groups : 4 = 0;  // how many it is a member of, in its form
    std::uint8_t place : 4 = plain;
  };

  std::uint8_t find(const Form* form) const;
  void drop(OfConnection& form);
  void count_groups();

  std::array<Place, most> places_{};
  std::vector<OfConnection> forms_;  // by slot; empty where there are no groups
  std::vector<detail::Run*> runs_;
};

}  // namespace parley
