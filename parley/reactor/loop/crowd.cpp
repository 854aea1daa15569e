#include "parley/reactor/loop/crowd.h"

#include <algorithm>

namespace parley {

void Patience::pass(Time now, bool earns) {
  if (now <= earned_) return;
  if (earns && earned_ != Time{}) {
    // A long time is as good as enough, and does not overflow.
    const Duration passed = std::min<Duration>(now - earned_, std::chrono::hours(1));
    saved_ = std::min(most_, saved_ + passed * percent_ / 100);
  }
  earned_ = now;
}

bool Patience::wait(Time now, Duration time) {
  const Time until = later(now, time);
  const Duration more = until - std::max(now, std::min(waits_, until));
  if (more > saved_) return false;
  saved_ -= more;
  waits_ = std::max(waits_, until);
  return true;
}

void Loaded::set(TransportId id, std::size_t behind, Time now) {
  ++version_;
  const auto [found, added] = readers_.try_emplace(id.slot, Reader{behind, now});
  if (!added) found->second.behind = behind;
}

void Loaded::took(TransportId id, Time now) {
  ++version_;
  if (const auto found = readers_.find(id.slot); found != readers_.end()) found->second.took = now;
}

void Loaded::drop(TransportId id) {
  ++version_;
  readers_.erase(id.slot);
}

bool Loaded::moves(TransportId id, Time now) const {
  const auto found = readers_.find(id.slot);
  return found == readers_.end() || now - found->second.took < moves_for;
}

bool Loaded::far(TransportId id) const {
  const auto found = readers_.find(id.slot);
  return found != readers_.end() && found->second.behind > limits_.sendq_bytes / 2;
}

void Crowd::look(const Crowding& crowding, Time now, std::uint64_t version) {
  const bool crowded = now < crowded_;
  patience_.pass(now, crowded);
  crowding_ = crowding;
  version_ = version;
  if (crowding.many()) crowded_ = later(now, std::chrono::seconds(1));
}

bool Crowd::waits(Time now, Duration brake, Patience& of_loop) {
  if (crowding_.many()) return true;
  if (!crowding_.far) return false;
  if (2 * crowding_.busy > crowding_.moving) return true;
  of_loop.pass(now);
  return (now < crowded_ && patience_.wait(now, brake)) || of_loop.wait(now, brake);
}

}  // namespace parley
