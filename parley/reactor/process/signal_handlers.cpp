#include "parley/reactor/process/signal_handlers.h"

#include <utility>
#include <vector>

#include "parley/reactor/loop/loop.h"

namespace parley {

SignalHandler SignalHandlers::add(Signal signal, MoveOnlyFunction<void(Signal)> call) {
  std::unique_ptr<Caught>& caught = caught_[signal];
  if (caught == nullptr) {
    try {
      caught = std::make_unique<Caught>(signal);
      caught->watching = reactor_.watch(caught->signals.fileno(), Interest::read,
                                        [this, signal](Interest) { come(signal); });
    } catch (...) {
      caught_.erase(signal);
      throw;
    }
  }
  const EntryId id = handlers_.add(std::make_unique<Handler>(
      signal, std::make_shared<const MoveOnlyFunction<void(Signal)>>(std::move(call))));
  caught->handlers.push_back(id);
  return {this, id};
}

void SignalHandlers::remove(EntryId id) {
  const std::unique_ptr<Handler> removed = handlers_.take(id);  // ends when all is in order again
  if (removed == nullptr) return;
  const auto at = caught_.find(removed->signal);
  std::erase(at->second->handlers, id);
  if (!at->second->handlers.empty()) return;
  at->second->watching.stop();
  caught_.erase(at);
}

void SignalHandlers::drop() {
  const auto dropped = std::exchange(caught_, {});
  const auto handlers = std::exchange(handlers_, {});
  for (const auto& [signal, caught] : dropped) caught->watching.stop();
}

// Those who are there when it comes; each may remove itself and others, and add new ones.
void SignalHandlers::come(Signal signal) {
  Caught& caught = *caught_.at(signal);
  if (caught.signals.take().empty()) return;
  for (const EntryId id : std::vector(caught.handlers)) {
    const Handler* const handler = handlers_.find(id);
    if (handler == nullptr) continue;
    const auto one = handler->call;
    reactor_.loop().call([&] { (*one)(signal); });
  }
}

}  // namespace parley
