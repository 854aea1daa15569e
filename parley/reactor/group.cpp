#include "parley/reactor/group.h"

#include <algorithm>
#include <functional>
#include <new>

#include "parley/reactor/loop/connections.h"
#include "parley/reactor/loop/loop.h"

namespace parley::detail {

namespace {

// A message as a form has it.
struct Encoded {
  Form& form;
  std::string_view message;
};
void print(Writer& out, const Encoded& encoded) {
  encoded.form.encode(encoded.message, out);
}

}  // namespace

Members::Members(Connections& connections, Form* form, std::uint8_t place)
    : connections_(connections), form_(form), place_(place), tape_(connections.flusher().group_tape(place)) {
  connections_.forms().add(*this);
}

Members::~Members() {
  connections_.flusher().close_run(place_, this);
  for (const TransportId member : members_) {
    if (connections_.find(member) != nullptr) connections_.forms().quit(member);
  }
  connections_.forms().remove(*this);
}

void Members::add(TransportId id) {
  connections_.flusher().close_run(place_, this);  // who comes now is told what comes now
  // Those who have left are found while telling the others; a group that is never told anything looks for
  // them before it grows.
  if (members_.size() == members_.capacity()) {
    forget_the_lost();
    if (members_.size() == members_.capacity()) members_.reserve(members_.size() + members_.size() / 8 + 8);
  }
  members_.push_back(id);
}

void Members::remove(TransportId id) {
  const auto found = std::find(members_.begin(), members_.end(), id);
  if (found == members_.end()) return;
  connections_.flusher().close_run(place_, this);                      // it is told what came until now
  const auto still = std::find(members_.begin(), members_.end(), id);  // distributing may have moved it
  *still = members_.back();
  members_.pop_back();
  connections_.forms().quit(id);
}

void Members::forget_the_lost() {
  std::erase_if(members_, [this](TransportId member) { return connections_.find(member) == nullptr; });
}

std::size_t Members::size() const {
  return static_cast<std::size_t>(std::count_if(members_.begin(), members_.end(), [this](TransportId member) {
    return connections_.find(member) != nullptr;
  }));
}

void Members::mark_members() {
  for (const TransportId member : members_) {
    if (connections_.find(member) != nullptr) connections_.forms().mark(member);
  }
}

void Members::count(Crowding& crowding, TransportId omitted) const {
  for (const TransportId member : members_) {
    if (member == omitted) continue;
    if (const Connection* const connection = connections_.find(member)) {
      connections_.flow().count(crowding, *connection);
    }
  }
}

inline void Members::tell(std::string_view message, TransportId omitted) {
  // A run is one slice: it ends where another group has written in between, or the tape has begun a new
  // block.
  if (run_.data() + run_.size() != message.data()) {
    connections_.flusher().open_run(place_, this);
    run_ = {message.data(), 0};
  }
  if (!gaps_.empty() && gaps_.back().member == omitted &&
      gaps_.back().bytes.data() + gaps_.back().bytes.size() == message.data()) {
    std::string_view& gap = gaps_.back().bytes;
    gap = {gap.data(), gap.size() + message.size()};
  } else if (Connection* const left_out = connections_.find(omitted);
             left_out != nullptr && connections_.forms().of(omitted) == place_) {
    // Marked, so that the others, who are many, need not look for gaps of theirs.
    gaps_.push_back({omitted, message});
    left_out->bond.set(Bond::apart);
  }
  run_ = {run_.data(), run_.size() + message.size()};
}

std::size_t Members::encode(std::string_view message) {
  // A form whose users have all gone may be gone too.
  const bool anybody = !members_.empty() && connections_.forms().uses(place_, form_);
  // So that telling it needs no memory: either all forms are told, or none.
  if (gaps_.size() == gaps_.capacity()) gaps_.reserve(2 * gaps_.size() + 4);
  encoded_ = anybody ? tape_.append(Encoded{*form_, message}) : std::string_view();
  return encoded_.size();
}

void Members::take_back() {
  tape_.take_back(encoded_.size());
  encoded_ = {};
}

void Members::tell_encoded(TransportId omitted) {
  if (encoded_.empty()) return;
  tell(encoded_, omitted);
}

// By member, and those of one by their place in the run, which is one strip of memory.
void Members::sort_gaps() {
  if (gaps_.size() < 2) return;
  std::sort(gaps_.begin(), gaps_.end(), [](const Gap& a, const Gap& b) {
    return a.member.slot != b.member.slot ? a.member.slot < b.member.slot : a.bytes.data() < b.bytes.data();
  });
}

std::span<const Members::Gap> Members::gaps_of(TransportId member) const {
  const auto slot = [](const Gap& gap) { return gap.member.slot; };
  const auto found = std::ranges::equal_range(gaps_, member.slot, {}, slot);
  return {found.begin(), found.end()};
}

void Members::distribute() {
  sort_gaps();
  for (std::size_t i = 0; i < members_.size();) {
    Connection* const connection = connections_.find(members_[i]);
    if (connection == nullptr) {
      members_[i] = members_.back();
      members_.pop_back();
      continue;
    }
    if (connection->bond.any(Bond::apart)) {
      const char* from = run_.data();
      for (const Gap& gap : gaps_of(members_[i])) {
        if (gap.member != members_[i]) continue;  // of one that had this place before
        connections_.deliver(*connection, {from, gap.bytes.data()});
        from = gap.bytes.data() + gap.bytes.size();
      }
      connections_.deliver(*connection, {from, run_.data() + run_.size()});
    } else {
      connections_.deliver(*connection, run_);
    }
    ++i;
  }
  for (const Gap& gap : gaps_) {
    if (Connection* const connection = connections_.find(gap.member)) connection->bond.clear(Bond::apart);
  }
  gaps_.clear();
  run_ = {};
}

}  // namespace parley::detail

namespace parley {

Group::Group(Reactor& reactor)
    : connections_(reactor.loop().connections()),
      tape_(connections_.flusher().group_tape(Forms::plain)),
      plain_(connections_, nullptr, Forms::plain) {}

Group::~Group() = default;

void Group::add(TransportId id, Form* form) {
  Connection* const connection = connections_.find(id);
  if (connection == nullptr) return;
  Forms& forms = connections_.forms();
  const std::uint8_t before = forms.of(id);
  const std::uint8_t place = forms.enter(id, form);
  // As no member it may have been left out of a run of another form.
  if (place != before) connections_.flusher().close_run(before);
  try {
    members_in(form, place).add(id);
  } catch (...) {
    forms.quit(id);
    throw;
  }
}

detail::Members& Group::members_in(Form* form, std::uint8_t place) {
  if (form == nullptr) return plain_;
  // Forms come and go: what is left of one that nobody uses any more goes with the next that comes.
  const auto unused = [this](const auto& members) {
    return members->empty() || !connections_.forms().uses(members->place(), members->form());
  };
  const auto same = [form](const auto& members) { return members->form() == form; };
  const auto found = std::find_if(formed_.begin(), formed_.end(), same);
  if (found != formed_.end() && (*found)->place() == place) return **found;
  std::erase_if(formed_, unused);
  return *formed_.emplace_back(std::make_unique<detail::Members>(connections_, form, place));
}

void Group::remove(TransportId id) {
  if (connections_.find(id) == nullptr) return;  // those who have left are found while telling the others
  const std::uint8_t place = connections_.forms().of(id);
  if (place == Forms::plain) return plain_.remove(id);
  for (const auto& members : formed_) {
    if (members->place() == place) members->remove(id);
  }
}

std::size_t Group::size() const {
  std::size_t total = plain_.size();
  for (const auto& members : formed_) total += members->size();
  return total;
}

void Group::send(std::string_view message, TransportId omitted) {
  std::size_t size = message.size();
  if (!formed_.empty()) {
    size = send_in_forms(message, omitted);
  } else if (!message.empty()) {
    plain_.tell(message, omitted);
  }
  if (size == 0) return;
  Flow& flow = connections_.flow();
  flow.published(size, flow.somebody_lags() ? rest_for_members(omitted) : Duration::zero());
}

Duration Group::rest_for_members(TransportId omitted) {
  Flow& flow = connections_.flow();
  if (crowd_ == nullptr) crowd_.reset(new (std::nothrow) Crowd);
  if (crowd_ == nullptr) return {};  // without memory, nobody waits
  if (flow.must_look(*crowd_)) {
    Crowding crowding;
    plain_.count(crowding, omitted);
    for (const auto& members : formed_) members->count(crowding, omitted);
    flow.look(*crowd_, crowding);
  }
  return flow.rest_for(*crowd_);
}

// Answers how long the longest is of what it has become. All of it is made before anybody is told: where a
// form throws, nothing was sent.
std::size_t Group::send_in_forms(std::string_view message, TransportId omitted) {
  std::size_t longest = plain_.empty() ? 0 : message.size();
  std::size_t encoded = 0;
  try {
    for (; encoded < formed_.size(); ++encoded) {
      longest = std::max(longest, formed_[encoded]->encode(message));
    }
  } catch (...) {
    while (encoded > 0) formed_[--encoded]->take_back();
    tape_.take_back(message.size());
    throw;
  }
  if (plain_.empty()) {
    tape_.take_back(message.size());
  } else if (!message.empty()) {
    plain_.tell(message, omitted);
  }
  for (const auto& members : formed_) members->tell_encoded(omitted);
  connections_.flusher().told_in_forms(longest - (plain_.empty() ? 0 : message.size()));
  return longest;
}

}  // namespace parley
