#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "parley/process/signals.h"
#include "parley/reactor/reactor.h"
#include "parley/stream/queue.h"
#include "parley/stream/task.h"

namespace parley {

// Signals that a task waits for, one after another: trio's open_signal_receiver. They are caught for as long
// as it lives, also while nobody waits; each is there once, however often it came meanwhile. Inside a task.
//
//   SignalReceiver signals({Signal::hangup});
//   for (;;) {
//     co_await signals.receive();
//     reload();
//   }
//
// `run` cancels the task on SIGINT and SIGTERM beside that, unless RunSettings::signals is false.
class SignalReceiver {
 public:
  // Throws std::logic_error where another reactor or Signals catches one of them.
  explicit SignalReceiver(std::initializer_list<Signal> signals);
  ~SignalReceiver();
  SignalReceiver(const SignalReceiver&) = delete;
  SignalReceiver& operator=(const SignalReceiver&) = delete;

  // Awaited, answers the next that has come, in the order of coming. Cancelled, none is lost.
  Task<Signal> receive();

 private:
  Queue<Signal> come_;
  std::uint32_t waiting_ = 0;  // a bit for each of them that has come and was not received
  std::vector<SignalHandler> handlers_;
};

}  // namespace parley
