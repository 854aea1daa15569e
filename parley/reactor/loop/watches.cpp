#include "parley/reactor/loop/watches.h"

#include <utility>

namespace parley {

// The back end watches a descriptor once, for all that its watchers want: a poller knows no more than one
// entry for it.
EntryId Watches::watch(Handle handle, Interest wanted, MoveOnlyFunction<void(Interest)> ready) {
  std::unique_ptr<Watched>& place = watched_[handle.native];
  const bool first = place == nullptr;
  if (first) {
    place = std::make_unique<Watched>();
    try {
      backend_->watch(*place, handle, wanted);
    } catch (...) {
      watched_.erase(handle.native);
      throw;
    }
    place->told = wanted;
  }
  const EntryId id =
      watchers_.add(std::make_unique<Watcher>(Watcher{handle.native, wanted, std::move(ready)}));
  place->watchers.push_back(id);
  if (!first) update(*place);
  return id;
}

void Watches::change(EntryId id, Interest wanted) {
  Watcher* const watcher = watchers_.find(id);
  if (watcher == nullptr) return;
  watcher->wanted = wanted;
  update(*watched_.at(watcher->native));
}

void Watches::stop(EntryId id) {
  std::unique_ptr<Watcher> watcher = watchers_.take(id);
  if (watcher == nullptr) return;
  const auto found = watched_.find(watcher->native);
  add(stopped_, std::move(watcher), relief_);  // it may be what is being called
  agenda_.leave_to_settle(Agenda::Soon::dropped);
  Watched& watched = *found->second;
  std::erase(watched.watchers, id);
  if (!watched.watchers.empty()) return update(watched);
  backend_->unwatch(watched);
  add(unwatched_, std::move(found->second), relief_);  // its watchers may be being gone through
  watched_.erase(found);
}

// What a callback holds may stop other watches as it goes.
void Watches::let_go() {
  const auto stopped = std::exchange(stopped_, {});
  const auto unwatched = std::exchange(unwatched_, {});
}

void Watches::close_all() {
  for (const auto& [native, watched] : watched_) backend_->unwatch(*watched);
  watched_.clear();
  const Registry<Watcher> gone = std::exchange(watchers_, {});
}

// Each is told what it waits for. One that stops others, or adds some, does so for the next time.
void Watches::on_ready(WatchSlot& slot, Interest ready) {
  const auto& watched = static_cast<const Watched&>(slot);
  const auto tell = [&](EntryId id) {
    const Watcher* const watcher = watchers_.find(id);
    if (watcher == nullptr) return;
    const Interest its = ready & watcher->wanted;
    if (its != Interest::none) calls_.guarded([&] { watcher->ready(its); });
  };
  if (watched.watchers.size() == 1) return tell(watched.watchers.front());
  std::vector<EntryId> watchers;
  with_relief(relief_, [&] { watchers = watched.watchers; });
  for (const EntryId id : watchers) tell(id);
}

Interest Watches::wanted(const Watched& watched) const {
  Interest all = Interest::none;
  for (const EntryId id : watched.watchers) all = all | watchers_.find(id)->wanted;
  return all;
}

void Watches::update(Watched& watched) {
  const Interest all = wanted(watched);
  if (all == watched.told) return;
  watched.told = all;
  backend_->rewatch(watched, all);
}

}  // namespace parley
