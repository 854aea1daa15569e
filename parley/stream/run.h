#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "parley/reactor/reactor.h"
#include "parley/stream/spawn.h"
#include "parley/stream/task.h"

namespace parley {

// What `run` makes its reactor with.
struct RunSettings {
  Reactor::Kind kind = Reactor::automatic;
  ReactorSettings reactor{};
  // Whether Ctrl-C and SIGTERM cancel the task. A second one ends the process as if nobody had caught it.
  bool signals = true;
  // How long, after the task has ended, connections may take to send what was written.
  Duration drain = std::chrono::seconds(5);
};

namespace detail {

// A reactor for the time of one task.
class Runner {
 public:
  // Throws std::logic_error inside a task, and inside a callback of a reactor.
  explicit Runner(const RunSettings& settings)
      : settings_(checked(settings)), reactor_(settings.kind, settings.reactor) {}

  Reactor& reactor() { return reactor_; }
  // Turns until it is done; a signal calls `cancel`. Answers whether one did.
  bool turn_until(const std::function<bool()>& done, const std::function<void(std::string_view)>& cancel);
  // Lets every connection end.
  void end();

 private:
  static const RunSettings& checked(const RunSettings& settings);

  RunSettings settings_;
  Reactor reactor_;
};

// Throws std::logic_error where nobody may turn it: inside a task or a callback, and on another thread.
void require_runnable(const Reactor& reactor);
// Turns until it is done. Throws Cancelled if the reactor is stopped first.
void turn_until(Reactor& reactor, const std::function<bool()>& done);

}  // namespace detail

// Runs a task on a reactor of its own and answers what it answers, or throws what it throws, once every
// connection has ended: asyncio.run. Ctrl-C and SIGTERM cancel the task; then a task of nothing returns as if
// it were done, and another throws Cancelled. Blocks. Throws std::logic_error inside a task or a callback,
// and where somebody else catches these signals, `run` on another thread say (RunSettings::signals).
template <class T>
T run(Task<T> task, const RunSettings& settings = {}) {
  detail::Runner runner(settings);
  bool interrupted = false;
  {
    Running<T> running = spawn(runner.reactor(), std::move(task));
    interrupted =
        runner.turn_until([&] { return running.done(); }, [&](std::string_view why) { running.cancel(why); });
    if (running.done()) {
      runner.end();
      if constexpr (std::is_void_v<T>) {
        try {
          return running.get();
        } catch (const Cancelled&) {
          if (!interrupted) throw;
          return;
        }
      } else {
        return running.get();
      }
    }
  }
  runner.end();
  throw Cancelled();  // somebody stopped the reactor
}

// The same on a reactor that the program has, and goes on with: its connections stay. Throws Cancelled if the
// reactor is stopped before the task is done, std::logic_error inside a task or a callback, and on another
// thread than the reactor's.
template <class T>
T run(Reactor& reactor, Task<T> task) {
  detail::require_runnable(reactor);
  Running<T> running = spawn(reactor, std::move(task));
  detail::turn_until(reactor, [&] { return running.done(); });
  return running.get();
}

}  // namespace parley
