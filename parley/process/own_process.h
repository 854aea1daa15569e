#pragma once

#include <cstdint>

namespace parley {

// Private to the library: this process's number, by which a copy that a fork has made is told from what it is
// a copy of.
std::int64_t own_process() noexcept;

}  // namespace parley
