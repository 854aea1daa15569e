// What a readiness back end does in the child of a fork.

#include "parley/process/own_process.h"
#include "parley/reactor/backends/readiness.h"
#include "parley/reactor/backends/readiness_keys.h"
#include "parley/socket/error.h"

namespace parley {

using readiness::key_of;

// The rest of the batch is told again by the new poller. Paths are inherited: whichever of the two processes
// is the last to have the socket removes it.
void ReadinessBackend::renew() {
  std::unique_ptr<Poller> own = make_poller(kind_);
  wakeup_.renew();
  own->update(wakeup_.descriptor(), Interest::read, readiness::wakeup_key);
  poller_ = std::move(own);
  batch_ = {};
  next_ = 0;
  for (LocalPath& entry : local_paths_) entry.path.inherit();
  datagrams_.renew();
  forks_ = fork_count();
}

void ReadinessBackend::register_anew(ListenerSlot& slot) {
  if ((slot.state & readiness::accepts) != 0)
    poller_->update(slot.handle.native, Interest::read, key_of(slot, readiness::to_listener));
}

// The program may have closed it in the child: then nothing is told of it.
void ReadinessBackend::register_anew(WatchSlot& slot) {
  try {
    poller_->update(slot.handle.native, static_cast<Interest>(slot.state), key_of(slot, readiness::to_watch));
  } catch (const SocketError&) {
    slot.state = static_cast<std::uint32_t>(Interest::none);
  }
}

}  // namespace parley
