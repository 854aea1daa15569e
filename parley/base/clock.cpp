#include "parley/base/clock.h"

namespace parley {

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace parley
