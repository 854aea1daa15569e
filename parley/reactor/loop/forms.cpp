#include "parley/reactor/loop/forms.h"

#include <algorithm>
#include <stdexcept>

#include "parley/base/print.h"

namespace parley {

std::uint8_t Forms::enter(TransportId id, Form* form) {
  if (id.slot >= forms_.size()) forms_.resize(id.slot + std::size_t{1});
  OfConnection& its = forms_[id.slot];
  if (its.groups != 0 && uses(its.place, form)) {
    mark(id);
    return its.place;
  }
  if (its.groups == uncounted) count_groups();
  if (its.groups != 0) {
    throw std::logic_error("Group::add: the connection is a member in another form, and has one at a time");
  }
  std::uint8_t place = find(form);
  if (place == most) {
    count_groups();  // who has left its last group keeps its form until another wants the place
    place = find(form);
  }
  if (place == most) {
    throw std::length_error(
        concat("Group::add: a reactor's groups have at most ", most, " forms, the plain one included"));
  }
  if (place != plain) {
    places_[place].form = form;
    ++places_[place].users;
  }
  drop(its);
  its = {.groups = 1, .place = static_cast<std::uint8_t>(place & (most - 1U))};
  return place;
}

// Its place, or one that is free; `most`: there is none.
std::uint8_t Forms::find(const Form* form) const {
  const auto place_of = [this](const Form* wanted, std::size_t from) {
    const auto found = std::find_if(places_.begin() + static_cast<std::ptrdiff_t>(from), places_.end(),
                                    [wanted](const Place& place) { return place.form == wanted; });
    return static_cast<std::uint8_t>(found - places_.begin());
  };
  if (form == nullptr) return plain;
  const std::uint8_t place = place_of(form, plain + 1);
  return place != most ? place : place_of(nullptr, plain + 1);
}

void Forms::drop(OfConnection& form) {
  if (form.place != plain) {
    Place& place = places_[form.place];
    if (--place.users == 0) place.form = nullptr;
  }
  form = {};
}

void Forms::count_groups() {
  for (OfConnection& form : forms_) form.groups = 0;
  for (detail::Run* const run : runs_) run->mark_members();
  for (OfConnection& form : forms_) {
    if (form.groups == 0) drop(form);
  }
}

void Forms::add(detail::Run& run) {
  run.place_ = runs_.size();
  runs_.push_back(&run);
}

void Forms::remove(detail::Run& run) {
  runs_[run.place_] = runs_.back();
  runs_[run.place_]->place_ = run.place_;
  runs_.pop_back();
}

}  // namespace parley
