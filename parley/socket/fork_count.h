#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace parley {

namespace detail {
extern std::atomic<std::uint32_t> forks;
}  // namespace detail

// Private to the library: how many forks lie between this process and the one that the program began as. For
// whoever asks often: it costs one load. Thread: any.
inline std::uint32_t fork_count() noexcept {
  return detail::forks.load(std::memory_order_relaxed);
}

// In the child of a fork, for what threads of its parent may have held: a lock for ever, which nobody can
// destroy. It stays for as long as the process lives. Thread: any.
void keep_for_ever(std::shared_ptr<const void> left);

}  // namespace parley
