#include "parley/socket/blocking.h"

#include <stdexcept>

#include "parley/base/print.h"

namespace parley {

namespace {
thread_local int depth = 0;
}

InsideReactor::InsideReactor() noexcept {
  ++depth;
}

InsideReactor::~InsideReactor() {
  --depth;
}

void require_blocking_allowed(std::string_view operation) {
  if (depth == 0) return;
  throw std::logic_error(
      format(operation,
             " may block, and this is a reactor's callback (use the reactor's own means, a "
             "non-blocking socket, or another thread)"));
}

}  // namespace parley
