#pragma once

#include <exception>
#include <new>
#include <utility>

#include "parley/base/log.h"
#include "parley/base/move_only_function.h"
#include "parley/base/print.h"
#include "parley/socket/blocking.h"

namespace parley {

// How a loop calls what is the program's. What escapes never crosses the loop: it is logged, and told to the
// error handler.
class Calls {
 public:
  explicit Calls(Log& log) : log_(log) {}

  // False when something escaped.
  template <class Call>
  bool guarded(const Call& call) {
    try {
      const InsideReactor inside;
      call();
      return true;
    } catch (...) {
      escaped();
      return false;
    }
  }
  // To be called inside the `catch`.
  void escaped();
  void on_error(MoveOnlyFunction<void(std::exception_ptr)> handler) {
    const auto before = std::exchange(handler_, std::move(handler));  // what it holds may do this, too
  }
  Log& log() const { return log_; }

  // A message of several parts. Without memory for it, nothing is said.
  template <Printable... Parts>
  static void say(Log& log, Level level, const Parts&... parts) noexcept {
    try {
      log.write(level, concat(parts...));
    } catch (const std::bad_alloc&) {
    }
  }

 private:
  Log& log_;
  MoveOnlyFunction<void(std::exception_ptr)> handler_;
};

}  // namespace parley
