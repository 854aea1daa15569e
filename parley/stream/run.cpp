#include "parley/stream/run.h"

#include "parley/process/signals.h"

namespace parley::detail {

bool Runner::turn_until(const std::function<bool()>& done, const std::function<void()>& cancel) {
  bool interrupted = false;
  SignalHandler interrupt;
  SignalHandler terminate;
  const auto let_go = [&] {  // the next one does what it always did
    interrupt.stop();
    terminate.stop();
  };
  const auto stop = [&] {
    interrupted = true;
    let_go();
    cancel();
  };
  if (settings_.signals) {
    interrupt = reactor_.on_signal(Signal::interrupt, stop);
    terminate = reactor_.on_signal(Signal::terminate, stop);
  }
  while (!done() && reactor_.turn(Duration::max())) {
  }
  let_go();
  return interrupted;
}

void Runner::end() {
  // What the task has left behind, connections above all, is closed in good order.
  reactor_.stop(settings_.drain);
  reactor_.run();
}

void turn_until(Reactor& reactor, const std::function<bool()>& done) {
  while (!done()) {
    // The reactor was stopped: what is waited for does not come any more.
    if (!reactor.turn(Duration::max())) throw Cancelled();
  }
}

}  // namespace parley::detail
