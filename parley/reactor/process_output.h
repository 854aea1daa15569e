#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "parley/base/move_only_function.h"
#include "parley/process/process_status.h"
#include "parley/process/spawn_settings.h"
#include "parley/reactor/process.h"
#include "parley/reactor/reactor.h"

namespace parley {

// All that a child process has written, and how it has ended.
struct ProcessOutput {
  std::string output;
  std::string error;
  ProcessStatus status;
  // It was killed, for it wrote more than was asked for: what is above is the beginning.
  bool cut = false;
};

// How to run a program for what it writes; each may be left out.
struct ProcessOutputSettings {
  SpawnSettings spawn{};
  // What it is to read; its stdin ends after that.
  std::string input{};
  // Bytes that are kept of its stdout, and as many of its stderr: one more, and it is killed.
  std::size_t most = 16 * 1024 * 1024;
};

// Starts a program as `spawn_process` does, collects what it writes, and calls `then` once, from the loop,
// when it has ended and its pipes are closed: Twisted's getProcessOutputAndValue. Where the reactor stops
// first, the status is `left`. The answer is for ending it earlier, by `kill`, say: `then` comes even so.
// Throws as `spawn_process`, and std::invalid_argument for nothing to call.
Process get_process_output(Reactor& reactor, const std::vector<std::string>& arguments,
                           MoveOnlyFunction<void(ProcessOutput)> then, ProcessOutputSettings settings = {});

}  // namespace parley
