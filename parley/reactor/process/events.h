#pragma once

#include "parley/reactor/process/processes.h"
#include "parley/reactor/process/signal_handlers.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/threads/calls_from_threads.h"
#include "parley/reactor/threads/thread_calls.h"

namespace parley {

// What a reactor waits for beside connections and times: signals, threads, child processes.
struct Events {
  Events(Reactor& reactor, const Limits& limits, const ThreadPoolSettings& settings)
      : signals(reactor), threads(reactor, settings), processes(reactor, limits), from_threads(reactor) {}

  // Before the loop goes.
  void drop() {
    from_threads.close();  // one of our own threads may be waiting there
    threads.drop();
    processes.drop();
    signals.drop();
  }

  // In the child of a fork.
  void renew() {
    threads.renew();
    processes.renew();
  }

  SignalHandlers signals;
  ThreadCalls threads;
  Processes processes;
  CallsFromThreads from_threads;
};

}  // namespace parley
