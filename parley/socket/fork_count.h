#pragma once

#include <atomic>
#include <cstdint>

namespace parley {

namespace detail {
extern std::atomic<std::uint32_t> forks;
}  // namespace detail

// Private to the library: how many forks lie between this process and the one that the program began as. For
// whoever asks often: it costs one load. Thread: any.
inline std::uint32_t fork_count() noexcept {
  return detail::forks.load(std::memory_order_relaxed);
}

}  // namespace parley
