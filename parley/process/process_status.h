#pragma once

#include <cstdint>

#include "parley/base/print.h"

namespace parley {

// How a child process has ended: a value, which prints `exit status 1`, `SIGKILL` or `exit status unknown`.
class ProcessStatus {
 public:
  enum class Kind : std::uint8_t {
    exited,    // by itself; `exit_code` says how
    signaled,  // by a signal; `signal` says which
    left,      // it runs on: the reactor has stopped before it
    unknown,   // it has ended, nobody can tell how: somebody else waited for it, or SIGCHLD is ignored
  };

  constexpr ProcessStatus(Kind kind, int number) : kind_(kind), number_(number) {}
  constexpr explicit ProcessStatus(Kind kind) : ProcessStatus(kind, 0) {}

  Kind kind() const { return kind_; }
  // 0 is success. -1 where it did not exit by itself, and where nobody can tell.
  int exit_code() const { return kind_ == Kind::exited ? number_ : -1; }
  // The system's number of the signal; 0 where none ended it, and where nobody can tell.
  int signal() const { return kind_ == Kind::signaled ? number_ : 0; }
  // Whether it exited with 0, for certain.
  bool success() const { return kind_ == Kind::exited && number_ == 0; }

  friend bool operator==(const ProcessStatus&, const ProcessStatus&) = default;

 private:
  Kind kind_;
  int number_;
};

void print(Writer& out, const ProcessStatus& status);

}  // namespace parley
