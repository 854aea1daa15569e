#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "parley/base/move_only_function.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/calls.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/relief.h"
#include "parley/socket/interest.h"

namespace parley {

// Foreign descriptors that are watched. Several may watch one descriptor, one to read and one to write above
// all; the back end sees one watch for all of them.
class Watches {
 public:
  Watches(Agenda& agenda, Calls& calls, Relief& relief) : agenda_(agenda), calls_(calls), relief_(relief) {}
  void use(Backend& backend) { backend_ = &backend; }

  // Throws SocketError for a descriptor that cannot be watched.
  EntryId watch(Handle handle, Interest wanted, MoveOnlyFunction<void(Interest)> ready);
  void change(EntryId id, Interest wanted);
  void stop(EntryId id);
  // Those that were stopped, once nothing can be inside their callbacks any more.
  void let_go();
  // Watches nothing any more.
  void close_all();
  template <class Renew>
  void each(Renew renew) {
    for (const auto& [native, watched] : watched_) renew(*watched);
  }

  void on_ready(WatchSlot& slot, Interest ready);

 private:
  struct Watcher {
    int native;
    Interest wanted;
    MoveOnlyFunction<void(Interest)> ready;
  };
  struct Watched : WatchSlot {
    std::vector<EntryId> watchers;
    Interest told = Interest::none;  // what the back end knows
  };

  Interest wanted(const Watched& watched) const;
  void update(Watched& watched);

  Agenda& agenda_;
  Calls& calls_;
  Relief& relief_;
  Backend* backend_ = nullptr;
  Registry<Watcher> watchers_;
  std::unordered_map<int, std::unique_ptr<Watched>> watched_;  // by descriptor
  std::vector<std::unique_ptr<Watcher>> stopped_;
  std::vector<std::unique_ptr<Watched>> unwatched_;
};

}  // namespace parley
