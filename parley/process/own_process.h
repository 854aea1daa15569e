#pragma once

#include <cstdint>

namespace parley {

// Private to the library: this process's number, by which a copy that a fork has made is told from what it is
// a copy of.
std::int64_t own_process() noexcept;

// How many forks lie between this process and the one that the program began as. For whoever asks often: it
// costs no call of the system. Thread: any.
std::uint32_t fork_count() noexcept;

}  // namespace parley
