#include "parley/stream/run.h"

#include <stdexcept>
#include <string>

#include "parley/base/print.h"
#include "parley/process/signals.h"
#include "parley/reactor/loop/loop.h"
#include "parley/socket/blocking.h"

namespace parley::detail {

namespace {

void require_no_task() {
  if (Fiber::running() != nullptr) {
    throw std::logic_error("run: a task is running on this thread: co_await the other one, or spawn it");
  }
}

}  // namespace

const RunSettings& Runner::checked(const RunSettings& settings) {
  require_no_task();
  require_blocking_allowed("run");
  return settings;  // NOLINT(bugprone-return-const-ref-from-parameter): for a constructor, as its argument
}

void require_runnable(const Reactor& reactor) {
  require_no_task();
  reactor.loop().require_runnable("run");
}

bool Runner::turn_until(const std::function<bool()>& done,
                        const std::function<void(std::string_view)>& cancel) {
  bool interrupted = false;
  SignalHandler interrupt;
  SignalHandler terminate;
  const auto let_go = [&] {  // the next one does what it always did
    interrupt.stop();
    terminate.stop();
  };
  const auto stop = [&](Signal signal) {
    interrupted = true;
    let_go();
    cancel(concat(signal));
  };
  try {
    if (settings_.signals) {
      interrupt = reactor_.on_signal(Signal::interrupt, stop);
      terminate = reactor_.on_signal(Signal::terminate, stop);
    }
  } catch (const std::logic_error& error) {
    throw std::logic_error(std::string("run: Ctrl-C and SIGTERM are for one at a time, and another run has "
                                       "them, on another thread (RunSettings::signals = false there): ") +
                           error.what());
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
