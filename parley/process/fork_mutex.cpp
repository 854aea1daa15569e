#include "parley/process/fork_mutex.h"

#include <pthread.h>

namespace parley {

namespace {

constinit std::mutex list_mutex;  // taken before any of those in the list
constinit ForkMutex* first = nullptr;

}  // namespace

ForkMutex::ForkMutex() {
  static const int handled = ::pthread_atfork(&before_fork, &after_fork, &after_fork);
  static_cast<void>(handled);
  const std::scoped_lock lock(list_mutex);
  next_ = first;
  if (first != nullptr) first->previous_ = this;
  first = this;
}

ForkMutex::~ForkMutex() {
  const std::scoped_lock lock(list_mutex);
  (previous_ != nullptr ? previous_->next_ : first) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void ForkMutex::before_fork() {
  list_mutex.lock();
  for (ForkMutex* each = first; each != nullptr; each = each->next_) each->lock();
}

// In both processes: the thread that has forked is the one that has locked.
void ForkMutex::after_fork() {
  for (ForkMutex* each = first; each != nullptr; each = each->next_) each->unlock();
  list_mutex.unlock();
}

}  // namespace parley
