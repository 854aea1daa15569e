#include "parley/socket/fork_count.h"

#include <pthread.h>
#include <utility>

namespace parley {

namespace detail {
constinit std::atomic<std::uint32_t> forks = 0;
}  // namespace detail

namespace {

[[maybe_unused]] const int counts_forks = ::pthread_atfork(nullptr, nullptr, [] { ++detail::forks; });

// A list that begins in a variable, where those who look for memory that was lost find it.
struct Kept {
  std::shared_ptr<const void> left;
  Kept* next;
};
constinit std::atomic<Kept*> last_kept = nullptr;

}  // namespace

void keep_for_ever(std::shared_ptr<const void> left) {
  auto* const kept = new Kept{std::move(left), last_kept.load()};
  while (!last_kept.compare_exchange_weak(kept->next, kept)) {
  }
}

}  // namespace parley
