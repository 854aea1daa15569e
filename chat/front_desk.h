#pragma once

#include <chrono>
#include <cstdint>

#include "chat/hall/hall.h"
#include "chat/hall/post.h"
#include "chat/post/sessions.h"
#include "parley/base/clock.h"
#include "parley/base/log.h"
#include "parley/reactor/reactor.h"

namespace chat {

// Where commands come in: it gives each its stamp, and each session its number, and hands them to the hall.
// Used on the loop that owns the hall.
class FrontDesk {
 public:
  // All must outlive it. `started` is the time of day at the reactor's present time.
  FrontDesk(Hall& hall, Post& post, Sessions& sessions, const parley::Reactor& reactor, parley::Log& log,
            std::chrono::system_clock::time_point started)
      : hall_(hall),
        post_(post),
        sessions_(sessions),
        reactor_(reactor),
        log_(log),
        offset_(started.time_since_epoch() - reactor.now().time_since_epoch()) {}

  // A session over that connection gets its number, by which it is found until `close`. To be followed by the
  // command that connects it. May throw std::bad_alloc.
  SessionId open(parley::TransportId transport) { return sessions_.add(transport); }
  // The session has ended: tells the hall, and forgets the number. The session must be there.
  void close(SessionId session);
  // The number of the session at that index, which must be there.
  SessionId session_at(std::uint32_t index) const { return sessions_.id_of(index); }

  // One of the commands (Connect, Say ...).
  template <class What>
  void submit(const What& what) {
    hall_.apply(Command{stamp(), what}, post_);
  }

  parley::Log& log() const { return log_; }

 private:
  Stamp stamp();

  Hall& hall_;
  Post& post_;
  Sessions& sessions_;
  const parley::Reactor& reactor_;
  parley::Log& log_;
  parley::Duration offset_;  // from the loop's time to 1970
  std::uint64_t commands_ = 0;
};

}  // namespace chat
