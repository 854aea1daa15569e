#include "parley/process/own_process.h"

#include <unistd.h>

namespace parley {

std::int64_t own_process() noexcept {
  return ::getpid();
}

}  // namespace parley
