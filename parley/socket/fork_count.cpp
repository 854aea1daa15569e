#include "parley/socket/fork_count.h"

#include <pthread.h>

namespace parley {

namespace detail {
constinit std::atomic<std::uint32_t> forks = 0;
}  // namespace detail

namespace {

[[maybe_unused]] const int counts_forks = ::pthread_atfork(nullptr, nullptr, [] { ++detail::forks; });

}  // namespace

}  // namespace parley
