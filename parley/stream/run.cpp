#include "parley/stream/run.h"

#include <memory>

#include "parley/process/signals.h"

namespace parley::detail {

bool Runner::turn_until(const std::function<bool()>& done, const std::function<void()>& cancel) {
  bool interrupted = false;
  std::unique_ptr<Signals> signals;
  Watching watching;
  if (settings_.signals) {
    signals = std::make_unique<Signals>(std::initializer_list<Signal>{Signal::interrupt, Signal::terminate});
    watching = reactor_.watch(signals->fileno(), Interest::read, [&](Interest) {
      interrupted = true;
      watching.stop();
      signals.reset();  // the next one does what it always did
      cancel();
    });
  }
  while (!done() && reactor_.turn(Duration::max())) {
  }
  watching.stop();
  return interrupted;
}

void Runner::end() {
  reactor_.stop(settings_.drain);
  reactor_.run();
}

void turn_until(Reactor& reactor, const std::function<bool()>& done) {
  while (!done()) {
    if (!reactor.turn(Duration::max())) throw Cancelled();
  }
}

}  // namespace parley::detail
