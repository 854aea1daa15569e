#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat/hall/hall.h"
#include "chat/hall/post.h"
#include "parley/base/clock.h"
#include "parley/base/log.h"
#include "parley/reactor/reactor.h"

namespace chat {

// Where commands come in: it gives each its stamp, and hands it to the hall. Used on the loop that owns
// the hall.
class FrontDesk {
 public:
  // All must outlive it. `started` is the time of day at the reactor's present time.
  FrontDesk(Hall& hall, Post& post, const parley::Reactor& reactor, parley::Log& log,
            std::chrono::system_clock::time_point started)
      : hall_(hall),
        post_(post),
        reactor_(reactor),
        log_(log),
        offset_(started.time_since_epoch() - reactor.now().time_since_epoch()) {}

  // One of the commands (Connect, Say ...).
  template <class What>
  void submit(const What& what) {
    hall_.apply(Command{stamp(), what}, post_);
  }

  // The text as it may be said (chat/wire/line/clean.h); valid until the next call.
  std::string_view clean(std::string_view text);

  parley::Log& log() const { return log_; }

 private:
  Stamp stamp();

  Hall& hall_;
  Post& post_;
  const parley::Reactor& reactor_;
  parley::Log& log_;
  parley::Duration offset_;  // from the loop's time to 1970
  std::uint64_t commands_ = 0;
  std::string scratch_;
};

}  // namespace chat
