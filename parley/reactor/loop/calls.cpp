#include "parley/reactor/loop/calls.h"

namespace parley {

void Calls::escaped() {
  const std::exception_ptr what = std::current_exception();
  try {
    std::rethrow_exception(what);
  } catch (const std::exception& error) {
    say(log_, Level::error, "a handler failed: ", std::string_view(error.what()));
  } catch (...) {
    log_.write(Level::error, "a handler failed: it threw something that is no std::exception");
  }
  if (!handler_) return;
  try {
    handler_(what);
  } catch (...) {
    log_.write(Level::error, "the error handler failed too");
  }
}

}  // namespace parley
