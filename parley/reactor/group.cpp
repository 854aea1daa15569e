#include "parley/reactor/group.h"

#include <algorithm>

#include "parley/reactor/loop.h"

namespace parley {

Group::Group(Reactor& reactor) : loop_(reactor.loop()), tape_(loop_.group_tape()) {}

Group::~Group() {
  loop_.close_run(this);
}

void Group::add(TransportId id) {
  loop_.close_run(this);  // who comes now is told what comes now
  // Its filters make themselves known.
  if (Connection* const connection = loop_.find(id)) connection->topmost();
  // Those who have left are found while telling the others; a group that is never told anything looks for
  // them before it grows.
  if (members_.size() == members_.capacity()) {
    std::erase_if(members_, [this](TransportId member) { return loop_.find(member) == nullptr; });
    if (members_.size() == members_.capacity()) members_.reserve(members_.size() + members_.size() / 8 + 8);
  }
  members_.push_back(id);
}

void Group::remove(TransportId id) {
  loop_.close_run(this);
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
  if (message.empty()) return;
  if (loop_.open_run() != this || run_.data() + run_.size() != message.data()) {
    loop_.open_run(this);
    run_ = {message.data(), 0};
  }
  run_ = {run_.data(), run_.size() + message.size()};
  if (Connection* const left_out = loop_.find(omitted)) {
    left_out->set(Connection::apart);
    if (!gaps_.empty() && gaps_.back().member == omitted &&
        gaps_.back().bytes.data() + gaps_.back().bytes.size() == message.data()) {
      std::string_view& gap = gaps_.back().bytes;
      gap = {gap.data(), gap.size() + message.size()};
    } else {
      gaps_.push_back({omitted, message});
    }
  }
  // The brake must know before the next message whom this one reaches, where somebody lags.
  bool reaches_lagging = false;
  if (loop_.somebody_lags()) reaches_lagging = (loop_.close_run(this) & Connection::lagging) != 0;
  loop_.heard(message.size(), reaches_lagging);
}

std::uint32_t Group::tell(Connection& member, std::string_view bytes) {
  if (!member.has(Connection::filtered)) return loop_.deliver(member, bytes);
  try {
    member.topmost().write(bytes);
  } catch (...) {  // a filter's failure is not the others', nor the loop's, which may be flushing
    loop_.abort(member, Reason(Reason::Kind::handler), true);
  }
  return member.outbox().marks;
}

std::uint32_t Group::distribute() {
  std::uint32_t marks = 0;
  for (std::size_t i = 0; i < members_.size();) {
    Connection* const connection = loop_.find(members_[i]);
    if (connection == nullptr) {
      members_[i] = members_.back();
      members_.pop_back();
      continue;
    }
    if (connection->has(Connection::apart)) {
      const char* from = run_.data();
      for (const Gap& gap : gaps_) {
        if (gap.member != members_[i]) continue;
        marks |= tell(*connection, {from, gap.bytes.data()});
        from = gap.bytes.data() + gap.bytes.size();
      }
      marks |= tell(*connection, {from, run_.data() + run_.size()});
    } else {
      marks |= tell(*connection, run_);
    }
    ++i;
  }
  for (const Gap& gap : gaps_) {
    if (Connection* const connection = loop_.find(gap.member)) connection->clear(Connection::apart);
  }
  gaps_.clear();
  run_ = {};
  return marks;
}

}  // namespace parley
