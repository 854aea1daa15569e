#pragma once

#include <cstdint>

#include "parley/socket/fork_count.h"

namespace parley {

// Private to the library: this process's number, by which a copy that a fork has made is told from what it is
// a copy of. Whoever asks often compares `fork_count`.
std::int64_t own_process() noexcept;

}  // namespace parley
