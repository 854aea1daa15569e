#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/process/process_status.h"
#include "parley/process/signals.h"
#include "parley/process/spawn_settings.h"
#include "parley/reactor/entry_id.h"
#include "parley/reactor/protocol.h"

namespace parley {

class Processes;
class Reactor;

// A child process as its protocol and everybody else sees it. It belongs to its reactor, and is valid until
// `process_ended` has returned. Used from the loop's thread. No call here ever calls back: what follows from
// it comes from the loop.
class ProcessTransport {
 public:
  ProcessTransport(const ProcessTransport&) = delete;
  ProcessTransport& operator=(const ProcessTransport&) = delete;

  // Queues a copy of the bytes for its stdin. `pause_writing` comes when more than `Limits::high_water` wait.
  // Throws std::length_error, and queues nothing, where more than SpawnSettings::stdin_bytes would. After
  // the end of its stdin: silently nothing.
  virtual void write(std::string_view bytes) = 0;
  // Bytes that wait for it to read them; after `in_ended`: that it has not read.
  virtual std::size_t queued() const = 0;

  // Closes its stdin after what is queued: most programs end then.
  virtual void close_stdin() = 0;
  // Closes its output: it is ended by SIGPIPE when it writes more, unless it handles that.
  virtual void close_stdout() = 0;
  virtual void close_stderr() = 0;
  // All three. It ends nothing: a child that neither reads nor writes runs on.
  virtual void lose_connection() = 0;

  // No `out_received` and no `err_received` come from now on, until `resume_reading`. The child waits in its
  // write when the pipes are full.
  virtual void pause_reading() = 0;
  // Reading goes on from the next turn.
  virtual void resume_reading() = 0;
  virtual bool reading() const = 0;

  // Sends it a signal. False when it has ended already: nobody else is ever hit.
  virtual bool signal(Signal signal) = 0;
  // Ends it at once (SIGKILL).
  virtual bool kill() = 0;
  // The same for it and all that are in its process group: what it has started too, unless that has gone to a
  // group of its own. Throw std::logic_error where it has no group of its own
  // (SpawnSettings::new_session), for it would be ours. False when it has ended already, whoever is left.
  virtual bool signal_group(Signal signal) = 0;
  virtual bool kill_group() = 0;
  virtual int pid() const = 0;

 protected:
  ProcessTransport() = default;
  ~ProcessTransport() = default;
};

// What a program does with one child process. The reactor owns it, and destroys it after `process_ended`.
// Everything here is called from the loop, on its thread. An exception that escapes kills the child, is
// logged and reaches the reactor's error handler.
class ProcessProtocol {
 public:
  ProcessProtocol() = default;
  ProcessProtocol(const ProcessProtocol&) = delete;
  ProcessProtocol& operator=(const ProcessProtocol&) = delete;
  virtual ~ProcessProtocol() = default;

  // Comes once, first: the program runs.
  virtual void connection_made() {}
  // What it has written to stdout, and to stderr. The bytes are lent: this call may overwrite them in place,
  // and they are gone when it returns.
  virtual void out_received(std::span<char> /*lent*/) {}
  virtual void err_received(std::span<char> /*lent*/) {}

  // More than `Limits::high_water` bytes wait to be read by it; and not more than `low_water` any more.
  virtual void pause_writing() {}
  virtual void resume_writing() {}

  // Its stdin is closed, by us or by itself; its stdout, its stderr is. Each comes once, where there is a
  // pipe.
  virtual void in_ended() {}
  virtual void out_ended() {}
  virtual void err_ended() {}

  // It has ended. More of its output may follow: what the pipes still hold, and what its own children write.
  virtual void process_exited(const ProcessStatus& /*status*/) {}
  // It has ended and its pipes are closed. Comes exactly once, last. Where the reactor stops before the child
  // does, it comes without `process_exited`, and the status is `left`.
  virtual void process_ended(const ProcessStatus& /*status*/) {}

 protected:
  // Valid from `connection_made` until the end of `process_ended`. Before that, in the constructor say, it
  // throws std::logic_error.
  ProcessTransport& transport() const {
    if (transport_ == nullptr) detail::fail_no_transport();
    return *transport_;
  }

 private:
  friend class Processes;
  ProcessTransport* transport_ = nullptr;
};

// Names a child process as a value: copies name the same one; it must not be used after its reactor.
class Process {
 public:
  Process() = default;

  // Null once it has ended.
  ProcessTransport* transport() const;

 private:
  friend class Processes;
  Process(Processes* processes, EntryId id) : processes_(processes), id_(id) {}

  Processes* processes_ = nullptr;
  EntryId id_;
};

// Starts a program as a child process: the first of `arguments`, looked for in PATH unless it contains a
// slash. No shell reads them. The child has no descriptor but its stdin, stdout and stderr, and its signals
// are as the system makes them. Throws std::system_error with the program and the reason where it cannot be
// started, also while the reactor stops; std::invalid_argument for arguments that cannot be.
//
// When the reactor stops, children are not ended: their pipes are closed as connections begin to be
// (Stopping::during), and they run on. Whoever wants to wait for one takes a Hold at Stopping::before and
// keeps it until `process_ended`. Not over the memory back end, which knows no pipes. Linux 5.4.
Process spawn_process(Reactor& reactor, std::unique_ptr<ProcessProtocol> protocol,
                      const std::vector<std::string>& arguments, const SpawnSettings& settings = {});

}  // namespace parley
