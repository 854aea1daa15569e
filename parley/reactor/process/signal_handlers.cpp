#include "parley/reactor/process/signal_handlers.h"

#include <algorithm>
#include <utility>

#include "parley/reactor/loop/loop.h"

namespace parley {

SignalHandler SignalHandlers::add(Signal signal, std::function<void(Signal)> call) {
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
  caught->handlers.push_back(
      {++last_id_, std::make_shared<const std::function<void(Signal)>>(std::move(call))});
  return {this, last_id_};
}

void SignalHandlers::remove(std::uint64_t id) {
  for (auto& [signal, caught] : caught_) {
    const auto found = std::ranges::find(caught->handlers, id, &Handler::id);
    if (found == caught->handlers.end()) continue;
    const auto removed = std::move(found->call);  // ends when all is in order again
    caught->handlers.erase(found);
    if (caught->handlers.empty()) {
      caught->watching.stop();
      caught_.erase(signal);
    }
    return;
  }
}

void SignalHandlers::drop() {
  const auto dropped = std::exchange(caught_, {});
  for (const auto& [signal, caught] : dropped) caught->watching.stop();
}

// Those who are there when it comes; each may remove itself and others, and add new ones.
void SignalHandlers::come(Signal signal) {
  Caught& caught = *caught_.at(signal);
  if (caught.signals.take().empty()) return;
  std::vector<std::uint64_t> ids;
  ids.reserve(caught.handlers.size());
  for (const Handler& handler : caught.handlers) ids.push_back(handler.id);
  for (const std::uint64_t id : ids) call(signal, id);
}

void SignalHandlers::call(Signal signal, std::uint64_t id) {
  const auto caught = caught_.find(signal);
  if (caught == caught_.end()) return;
  const auto found = std::ranges::find(caught->second->handlers, id, &Handler::id);
  if (found == caught->second->handlers.end()) return;
  const auto one = found->call;
  reactor_.loop().call([&] { (*one)(signal); });
}

}  // namespace parley
