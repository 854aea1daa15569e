#pragma once

#include <map>
#include <memory>
#include <vector>

#include "parley/base/move_only_function.h"
#include "parley/process/signals.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/reactor.h"

namespace parley {

// A reactor's callbacks for signals. A signal is caught while there is one for it.
class SignalHandlers {
 public:
  explicit SignalHandlers(Reactor& reactor) : reactor_(reactor) {}

  // Throws std::logic_error where somebody else catches that signal.
  SignalHandler add(Signal signal, MoveOnlyFunction<void(Signal)> call);
  void remove(EntryId id);
  // Catches nothing any more: before the loop goes.
  void drop();

 private:
  struct Handler {
    Signal signal;
    std::shared_ptr<const MoveOnlyFunction<void(Signal)>> call;  // shared: it may remove itself while it runs
  };
  struct Caught {
    explicit Caught(Signal signal) : signals({signal}) {}
    Signals signals;
    Watching watching{};
    std::vector<EntryId> handlers{};
  };

  void come(Signal signal);

  Reactor& reactor_;
  Registry<Handler> handlers_;
  std::map<Signal, std::unique_ptr<Caught>> caught_;
};

}  // namespace parley
