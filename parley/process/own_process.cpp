#include "parley/process/own_process.h"

#include <atomic>
#include <pthread.h>
#include <unistd.h>

namespace parley {

namespace {

std::atomic<std::uint32_t> forks = 0;

[[maybe_unused]] const int counts_forks = ::pthread_atfork(nullptr, nullptr, [] { ++forks; });

}  // namespace

std::int64_t own_process() noexcept {
  return ::getpid();
}

std::uint32_t fork_count() noexcept {
  return forks.load(std::memory_order_relaxed);
}

}  // namespace parley
