#pragma once

// Private to parley/tls: how many handshakes of one port run at once.

#include <cstddef>
#include <list>

namespace parley::tls {

class Filter;

// Those beyond the limit wait, in the order in which they came. Used from one loop.
class HandshakeQueue {
 public:
  // One filter's place: the filter's own, and where it is until it leaves.
  struct Place {
    explicit Place(Filter& owner) : filter(owner) {}
    Filter& filter;
    bool runs = false;
    bool waits = false;
    std::list<Place*>::iterator at{};
  };

  explicit HandshakeQueue(std::size_t most) : most_(most) {}

  // Whether it may begin now, or has begun. Otherwise `Filter::begin_handshake` is called when it may.
  bool enter(Place& place);
  // It is done, has failed, or is gone: also one that waits.
  void leave(Place& place);

 private:
  const std::size_t most_;
  std::size_t running_ = 0;
  std::list<Place*> waiting_;
};

}  // namespace parley::tls
