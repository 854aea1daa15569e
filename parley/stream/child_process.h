#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parley/process/process_status.h"
#include "parley/process/signals.h"
#include "parley/process/spawn_settings.h"
#include "parley/reactor/process.h"
#include "parley/reactor/process_output.h"
#include "parley/stream/stream.h"
#include "parley/stream/task.h"

namespace parley {

namespace detail {

struct ChildState;

}  // namespace detail

// A child process in the hands of a task: asyncio's subprocess.Process. Move-only, also while tasks wait for
// it or use its streams. Used on the reactor's thread; it must go before the reactor.
//
// One that goes while the child runs kills it (SIGKILL), with all of its process group where it leads one
// (SpawnSettings::new_session), and the reactor waits for it: no zombie stays, and a reactor that stops does
// so after that. A reactor that stops does the same to those that are left (Stopping::during); whoever gives
// them time to end holds it before. A child that is to run on is one of `spawn_process`.
//
// Each of its pipes is one of the reactor's connections, and three descriptors.
class ChildProcess {
 public:
  // What `communicate` keeps of its stdout, and as much of its stderr, unless the call says otherwise.
  static constexpr std::size_t communicate_limit = 16 * 1024 * 1024;

  ChildProcess(ChildProcess&& other) noexcept = default;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  // The other ends of its stdin, stdout and stderr, where they are pipes; else they end at once. Each may be
  // moved away, unless a task waits for it.
  //
  // The child finds the end of its input when `input` is closed, and SIGPIPE when it writes to an output that
  // is. What `input` still holds is written meanwhile: after `close` for as long as for every connection
  // (Limits::close_timeout), after `shutdown_write` however long a slow child takes. When it reads no more,
  // `write` throws SocketError. What it had written can be read after its exit; an output ends when nobody
  // has its pipe any more, its own children included. While nobody reads, the child may be some 300 KiB
  // ahead, and then waits in its write. `input` has nothing to read; what is written to `output` and `error`
  // is dropped.
  Stream& input();
  Stream& output();
  Stream& error();

  // Awaited, answers how it has ended: as often as one likes, also in several tasks. Cancelled, nothing is
  // lost. Its output may go on, and a child whose output nobody reads does not end.
  Task<ProcessStatus> wait();
  // The same at once; none as long as it runs: asyncio's returncode.
  std::optional<ProcessStatus> status() const;

  // Writes `input`, then closes its stdin, reads all of its stdout and stderr meanwhile, and waits for its
  // end. A child that does not read all is no error. When it writes more than `limit` bytes to one of
  // them, it is killed as when this goes, and LimitExceeded is thrown. Cancelled, what was read is lost, and
  // the child runs on. Throws std::logic_error for an input where its stdin is no pipe, and where another
  // task reads.
  Task<ProcessOutput> communicate(std::string input = {}, std::size_t limit = communicate_limit);

  // Sends it a signal; SIGTERM; SIGKILL. False when it has ended already: nobody else is ever hit.
  bool send_signal(Signal signal);
  bool terminate();
  bool kill();
  // Also once it has ended.
  int pid() const;
  // For its process group; its pipes are not there. Null once it has ended.
  ProcessTransport* transport() const;

 private:
  friend Task<ChildProcess> create_subprocess_exec(std::vector<std::string> arguments,
                                                   SpawnSettings settings);

  explicit ChildProcess(std::shared_ptr<detail::ChildState> state) : state_(std::move(state)) {}

  std::shared_ptr<detail::ChildState> state_;
};

// Awaited, starts a program as `spawn_process` does, and answers it: asyncio's name. Throws std::system_error
// with the program and the reason where it cannot be started: none of that name, say. `stdin_bytes` is
// nothing to it. Both parameters stand in variables: in the `co_await` expression g++ 12 takes no braced
// list, and gets settings wrong.
Task<ChildProcess> create_subprocess_exec(std::vector<std::string> arguments, SpawnSettings settings);
inline Task<ChildProcess> create_subprocess_exec(std::vector<std::string> arguments) {
  return create_subprocess_exec(std::move(arguments), SpawnSettings());
}
// The same, each argument by itself: `co_await create_subprocess_exec("sort", "-r")`.
template <class... Text>
  requires(sizeof...(Text) != 0 && (std::constructible_from<std::string, const Text&> && ...))
Task<ChildProcess> create_subprocess_exec(const Text&... arguments) {
  return create_subprocess_exec(std::vector<std::string>{std::string(arguments)...});
}

}  // namespace parley
