#include "parley/socket/blocking.h"

#include <stdexcept>

#include "parley/base/print.h"

namespace parley {

constinit thread_local int reactor_depth = 0;

void refuse_blocking(std::string_view operation) {
  throw std::logic_error(
      concat(operation,
             " may block, and this is a reactor's callback (use the reactor's own means, a "
             "non-blocking socket, or another thread)"));
}

}  // namespace parley
