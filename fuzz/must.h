#pragma once

#include <cstdio>
#include <cstdlib>

namespace parley {

// What a target holds to be true of every input. Ends the program where it is not.
inline void must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "must hold, and does not: %s\n", what);
  std::abort();
}

}  // namespace parley
