#include "parley/reactor/loop/crowd.h"

#include <algorithm>
#include <utility>

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

bool Patience::wait(Time now, Duration time, Duration left) {
  const Time until = later(now, time);
  const Duration more = until - std::max(now, std::min(waits_, until));
  if (more > Duration::zero() && more > saved_ - left) return false;
  saved_ -= more;
  waits_ = std::max(waits_, until);
  return true;
}

Duration Rests::next(Time now, Duration brake) {
  if (now < until_) return until_ - now;
  last_ = begun() ? std::min(2 * last_, std::max(brake, most)) : brake;
  until_ = later(now, last_);
  return last_;
}

void Loaded::set(TransportId id, std::size_t behind, Time now) {
  ++version_;
  const auto [found, added] = readers_.try_emplace(id.slot, Reader{behind, now});
  Reader& reader = found->second;
  reader.behind = behind;
  if (!far(reader)) reader.rests.begin_anew();
}

void Loaded::took(TransportId id, std::size_t bytes) {
  ++version_;
  if (Reader* const reader = find(id)) reader->taken += bytes;
}

void Loaded::drop(TransportId id) {
  ++version_;
  readers_.erase(id.slot);
}

Loaded::Reader* Loaded::find(TransportId id) {
  const auto found = readers_.find(id.slot);
  return found == readers_.end() ? nullptr : &found->second;
}

bool Loaded::asks(TransportId id, Time now) {
  Reader* const reader = find(id);
  if (reader == nullptr || now < reader->asked) return false;
  if (reader->asked == Time{}) reader->since = now;  // nothing was known until now
  reader->asked = later(now, asked_each);
  return true;
}

void Loaded::holds(TransportId id, std::size_t bytes) {
  Reader* const reader = find(id);
  if (reader == nullptr) return;
  const std::size_t taken = std::exchange(reader->taken, 0);
  if (const auto before = std::exchange(reader->held, bytes)) {
    reader->read += static_cast<std::ptrdiff_t>(*before + taken - bytes);
  }
}

bool Loaded::moves(TransportId id, Time now) {
  Reader* const reader = find(id);
  if (reader == nullptr) return true;
  if (!reader->held) {  // nobody knows better
    reader->read += static_cast<std::ptrdiff_t>(std::exchange(reader->taken, 0));
  }
  const auto least = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, limits_.sendq_bytes / 16));
  const bool reads = reader->read >= least;
  if (now - reader->since >= judged_each) {
    reader->moved = reads;
    reader->since = now;
    reader->read = std::min<std::ptrdiff_t>(reader->read, 0);
  }
  return reader->moved || reads;
}

bool Loaded::far(TransportId id) const {
  const auto found = readers_.find(id.slot);
  return found != readers_.end() && far(found->second);
}

Duration Loaded::rest(TransportId id, TransportId sender, Time now, Duration brake) {
  Reader* const reader = find(id);
  if (reader == nullptr) return brake;
  reader->rested = sender;
  return reader->rests.next(now, brake);
}

bool Loaded::rests(TransportId id, TransportId sender) const {
  const auto found = readers_.find(id.slot);
  return found != readers_.end() && found->second.rests.begun() && found->second.rested == sender;
}

void Crowd::look(const Crowding& crowding, Time now, std::uint64_t version) {
  const bool crowded = now < crowded_;
  patience_.pass(now, crowded);
  crowding_ = crowding;
  version_ = version;
  if (crowding.many(crowding.loaded)) crowded_ = later(now, std::chrono::seconds(1));
  if (!crowding.many(crowding.far)) rests_.begin_anew();
}

Duration Crowd::rest(Time now, Duration brake, Patience& of_loop) {
  if (crowding_.many(crowding_.far)) return rests_.next(now, brake);
  if (crowding_.many(crowding_.loaded)) return brake;
  if (crowding_.far == 0) return Duration::zero();
  if (2 * crowding_.busy > crowding_.moving) return brake;
  of_loop.pass(now);
  const Duration left = crowding_.tenth(crowding_.far) ? Duration::zero() : kept(brake);
  const bool waits = (now < crowded_ && patience_.wait(now, brake)) || of_loop.wait(now, brake, left);
  return waits ? brake : Duration::zero();
}

}  // namespace parley
