#include "parley/tls/handshake_queue.h"

#include "parley/tls/filter.h"

namespace parley::tls {

bool HandshakeQueue::enter(Place& place) {
  if (place.runs) return true;
  if (place.waits) return false;
  if (running_ < most_) {
    ++running_;
    return place.runs = true;
  }
  place.at = waiting_.insert(waiting_.end(), &place);
  place.waits = true;
  return false;
}

void HandshakeQueue::leave(Place& place) {
  if (place.waits) {
    waiting_.erase(place.at);
    place.waits = false;
  }
  if (!place.runs) return;
  place.runs = false;
  --running_;
  if (waiting_.empty()) return;
  Place& next = *waiting_.front();
  waiting_.pop_front();
  next.waits = false;
  next.runs = true;
  ++running_;
  next.filter.begin_handshake();
}

}  // namespace parley::tls
