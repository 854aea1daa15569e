#pragma once

#include <mutex>

namespace parley {

// Private to the library: a mutex that a fork takes before it copies the process, so that in the child nobody
// holds it who is not there, and what it guards is whole. To be held for moments, and not while anything is
// called that forks.
class ForkMutex {
 public:
  ForkMutex();
  ~ForkMutex();
  ForkMutex(const ForkMutex&) = delete;
  ForkMutex& operator=(const ForkMutex&) = delete;

  // For std::scoped_lock. Thread: any.
  void lock() { mutex_.lock(); }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  static void before_fork();
  static void after_fork();

  std::mutex mutex_;
  // All that there are: a list that needs no memory.
  ForkMutex* next_ = nullptr;
  ForkMutex* previous_ = nullptr;
};

}  // namespace parley
