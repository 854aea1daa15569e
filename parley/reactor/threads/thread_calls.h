#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parley/process/thread_pool.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/fork_count.h"

namespace parley {

// A reactor's calls in threads: each goes to the pool and comes back to the loop, once, whatever becomes of
// it.
class ThreadCalls {
 public:
  ThreadCalls(Reactor& reactor, const ThreadPoolSettings& settings)
      : reactor_(reactor), settings_(settings) {}

  // Throws ThreadPoolFull, ThreadPoolStopped.
  void start(std::shared_ptr<detail::ThreadCall> call);
  ThreadPool& pool();
  // Ends the threads, and waits for what has begun: before the loop goes.
  void drop() {
    pool_.reset();
    away_.clear();
    hold_ = Hold();
  }
  // In the child of a fork, where the threads are not: what has not come back never will, and is told so.
  void renew();

 private:
  void come_back(std::shared_ptr<detail::ThreadCall> call);
  bool take(detail::ThreadCall& call);
  void arm();
  void stop(Hold hold);
  void stopped();

  Reactor& reactor_;
  const ThreadPoolSettings settings_;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::shared_ptr<detail::ThreadCall>> away_;  // that have not come back; each knows its place
  std::uint32_t forks_ = fork_count();
  bool armed_ = false;
  bool stopping_ = false;
  Hold hold_;
};

}  // namespace parley
