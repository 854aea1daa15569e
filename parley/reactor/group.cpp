#include "parley/reactor/group.h"

#include <algorithm>

#include "parley/reactor/loop.h"

namespace parley {

Group::Group(Reactor& reactor) : loop_(reactor.loop()), tape_(loop_.group_tape()) {}

void Group::add(TransportId id) {
  // Those who have left are found while telling the others; a group that is never told anything looks for
  // them before it grows.
  if (members_.size() == members_.capacity()) {
    std::erase_if(members_, [this](TransportId member) { return loop_.find(member) == nullptr; });
  }
  members_.push_back(id);
}

void Group::remove(TransportId id) {
  const auto found = std::find(members_.begin(), members_.end(), id);
  if (found == members_.end()) return;
  *found = members_.back();
  members_.pop_back();
}

std::size_t Group::size() const {
  return static_cast<std::size_t>(std::count_if(members_.begin(), members_.end(), [this](TransportId member) {
    return loop_.find(member) != nullptr;
  }));
}

void Group::send(std::string_view message, TransportId omitted) {
  std::uint32_t marks = 0;
  for (std::size_t i = 0; i < members_.size();) {
    const TransportId member = members_[i];
    Connection* const connection = loop_.find(member);
    if (connection == nullptr) {
      members_[i] = members_.back();
      members_.pop_back();
      continue;
    }
    if (member != omitted) marks |= loop_.deliver(*connection, message);
    ++i;
  }
  loop_.heard(message.size(), (marks & Connection::lagging) != 0);
}

}  // namespace parley
