#include "parley/reactor/group.h"

#include <algorithm>

#include "parley/reactor/loop/connections.h"
#include "parley/reactor/loop/loop.h"

namespace parley {

Group::Group(Reactor& reactor)
    : connections_(reactor.loop().connections()), tape_(connections_.group_tape()) {}

Group::~Group() {
  connections_.flusher().close_run(this);
}

void Group::add(TransportId id) {
  connections_.flusher().close_run(this);  // who comes now is told what comes now
  // Those who have left are found while telling the others; a group that is never told anything looks for
  // them before it grows.
  if (members_.size() == members_.capacity()) {
    std::erase_if(members_, [this](TransportId member) { return connections_.find(member) == nullptr; });
    if (members_.size() == members_.capacity()) members_.reserve(members_.size() + members_.size() / 8 + 8);
  }
  members_.push_back(id);
}

void Group::remove(TransportId id) {
  connections_.flusher().close_run(this);
  const auto found = std::find(members_.begin(), members_.end(), id);
  if (found == members_.end()) return;
  *found = members_.back();
  members_.pop_back();
}

std::size_t Group::size() const {
  return static_cast<std::size_t>(std::count_if(members_.begin(), members_.end(), [this](TransportId member) {
    return connections_.find(member) != nullptr;
  }));
}

void Group::send(std::string_view message, TransportId omitted) {
  if (message.empty()) return;
  Flusher& flusher = connections_.flusher();
  // A run is one slice: it ends where another group has written in between, or the tape has begun a new
  // block.
  if (flusher.open_run() != this || run_.data() + run_.size() != message.data()) {
    flusher.open_run(this);
    run_ = {message.data(), 0};
  }
  run_ = {run_.data(), run_.size() + message.size()};
  if (!gaps_.empty() && gaps_.back().member == omitted &&
      gaps_.back().bytes.data() + gaps_.back().bytes.size() == message.data()) {
    std::string_view& gap = gaps_.back().bytes;
    gap = {gap.data(), gap.size() + message.size()};
  } else if (Connection* const left_out = connections_.find(omitted)) {
    // Marked, so that the others, who are many, need not look for gaps of theirs.
    left_out->bond.set(Bond::apart);
    gaps_.push_back({omitted, message});
  }
  // The brake must know before the next message whom this one reaches, where somebody lags.
  const bool to_lagging = connections_.flow().somebody_lags() && flusher.close_run(this);
  connections_.flow().published(message.size(), to_lagging);
}

bool Group::distribute() {
  bool lags = false;
  for (std::size_t i = 0; i < members_.size();) {
    Connection* const connection = connections_.find(members_[i]);
    if (connection == nullptr) {
      members_[i] = members_.back();
      members_.pop_back();
      continue;
    }
    if (connection->bond.any(Bond::apart)) {
      const char* from = run_.data();
      for (const Gap& gap : gaps_) {
        if (gap.member != members_[i]) continue;
        lags |= connections_.deliver(*connection, {from, gap.bytes.data()});
        from = gap.bytes.data() + gap.bytes.size();
      }
      lags |= connections_.deliver(*connection, {from, run_.data() + run_.size()});
    } else {
      lags |= connections_.deliver(*connection, run_);
    }
    ++i;
  }
  for (const Gap& gap : gaps_) {
    if (Connection* const connection = connections_.find(gap.member)) connection->bond.clear(Bond::apart);
  }
  gaps_.clear();
  run_ = {};
  return lags;
}

}  // namespace parley
