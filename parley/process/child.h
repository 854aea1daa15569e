#pragma once

// Private to Parley.

#include <cstdint>
#include <functional>
#include <optional>

#include "parley/process/own_process.h"
#include "parley/process/process_status.h"
#include "parley/socket/descriptors.h"

namespace parley {

// A child process, known by a descriptor (a pidfd) and not by its number alone: nobody else's child is ever
// waited for, and no SIGCHLD is needed. Move-only; dropping it ends nothing: a child that still runs then is
// waited for, without blocking, whenever another one is started, so that it is no zombie for longer than
// that. Linux 5.4.
class Child {
 public:
  // Starts a copy of this process that runs `body`, and leaves with what it answers as its status, or 1 if
  // it throws: by _exit, so that no destructor, no atexit handler and no other part of this program runs
  // twice. stdout, std::cout and std::clog are flushed before, so that nothing is printed twice, and by the
  // child at its end. Of several threads only the calling one exists in the child: locks that others held
  // there stay locked for ever (the C library's own are free). Throws std::system_error when there
  // can be no more processes or descriptors: `body` has not begun then.
  explicit Child(const std::function<int()>& body);

  Child(Child&&) noexcept = default;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  // Can be read once the child has ended. -1 when that is known already.
  int fileno() const { return descriptor_.get(); }
  // Another descriptor that can be read then, for whoever outlives this. An empty one where the end is known
  // already, where it is not ours, or where there is none to be had.
  Descriptor another_descriptor() const;
  int pid() const { return pid_; }
  // False in a copy of the process that has started it: it is not that one's child, and is neither waited for
  // nor ended there. How it ended is unknown there.
  bool ours() const { return forks_ == fork_count(); }

  // How the child ended; none as long as it runs. Unknown where somebody else has waited for it, or where
  // SIGCHLD is ignored or has SA_NOCLDWAIT, so that nobody is told. After the first answer the child is gone
  // from the system's tables.
  std::optional<ProcessStatus> poll();
  // The same, but waits for it.
  ProcessStatus wait();
  // Sends it a signal, by the system's number; SIGKILL, which nobody can catch. False when it has ended.
  bool signal(int number);
  bool kill();
  // Sends a signal to the process group that it leads, of which it must be the leader.
  bool signal_group(int number);
  bool kill_group();

  // Waits, without blocking, for those that were dropped and have ended since, as starting one does: for
  // whoever learns that one has. Thread: any.
  static void wait_for_dropped();

 private:
  void ask(bool waits);

  Descriptor descriptor_;
  int pid_ = 0;
  std::uint32_t forks_ = fork_count();
  std::optional<ProcessStatus> status_;
};

}  // namespace parley
