#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "parley/base/print.h"

namespace parley {

// What the system tells a process. `file_size`: a file would become longer than the process may make one.
enum class Signal : std::uint8_t {
  hangup,
  interrupt,
  terminate,
  child,
  user1,
  user2,
  broken_pipe,
  file_size
};

// Prints `SIGINT`.
void print(Writer& out, Signal signal);
// The system's number of it; and the name of any number: `SIGKILL`, or `signal 40` for one without a name.
int number_of(Signal signal);
std::string name_of_signal(int number);

// Catches signals for as long as it lives, and hands them out as something to read: a program waits for
// them as it waits for its sockets. What the process did about them before comes back when it goes.
// One object at a time catches a signal. Thread: signals reach any; the object is used from one.
class Signals {
 public:
  // Throws std::logic_error when another object catches one of them, std::system_error when the system
  // has no descriptor left.
  explicit Signals(std::initializer_list<Signal> caught);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // A descriptor that can be read once a signal has come; for `Reactor::watch` and `select` alone: what
  // can be read there is this object's.
  int fileno() const { return reads_; }
  // Which signals have come since the last call, each once, however often it came. Does not wait.
  std::vector<Signal> take();

 private:
  void release();

  std::vector<Signal> caught_;
  int reads_ = -1;
  int writes_ = -1;
};

// The process passes over this signal from now on. A server does so with `broken_pipe` and `file_size`: it
// learns from the write itself that nobody reads, or that there is no more room.
void ignore_signal(Signal signal);

}  // namespace parley
