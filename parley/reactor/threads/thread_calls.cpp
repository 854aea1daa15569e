#include "parley/reactor/threads/thread_calls.h"

#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/loop/loop.h"

namespace parley {

ThreadPool& ThreadCalls::pool() {
  if (pool_ == nullptr) pool_ = std::make_unique<ThreadPool>(settings_, reactor_.loop().log());
  return *pool_;
}

void ThreadCalls::start(std::shared_ptr<detail::ThreadCall> call) {
  if (stopping_) throw ThreadPoolStopped("call_in_thread: a call was refused, for the reactor stops");
  renew();  // where the loop has not turned yet since a fork
  call->place = away_.size();
  away_.push_back(call);
  try {
    pool().call(
        // The call is shared, for the pool holds both functions, and keeps the one that it does not need
        // until the other one is called.
        [this, call]() mutable {
          call->work();
          come_back(std::move(call));
        },
        [this, call] {
          call->drop(std::make_exception_ptr(
              ThreadPoolStopped("call_in_thread: the call was dropped before it began")));
          come_back(call);
        });
  } catch (...) {
    away_.pop_back();  // one that is refused does not come back
    throw;
  }
  arm();
}

// From a thread. It gives the call away whole: what `then` holds is the loop's, and ends there.
void ThreadCalls::come_back(std::shared_ptr<detail::ThreadCall> call) {
  reactor_.post([this, call = std::move(call)] {
    // Before `then` is told, which may throw: the reactor must not wait for this call any more.
    if (take(*call)) call->tell();
  });
}

// False where it has been told already.
bool ThreadCalls::take(detail::ThreadCall& call) {
  const std::size_t place = call.place;
  if (place >= away_.size() || away_[place].get() != &call) return false;
  std::swap(away_[place], away_.back());
  away_[place]->place = place;
  away_.pop_back();
  if (away_.empty()) hold_ = Hold();
  return true;
}

// By `post`: those that had come back by the time of the fork are told first, as ever.
void ThreadCalls::renew() {
  if (forks_ == fork_count()) return;
  forks_ = fork_count();
  for (const auto& call : away_) {
    reactor_.post([this, call] {
      if (!take(*call)) return;
      call->drop(std::make_exception_ptr(
          ThreadPoolStopped("call_in_thread: the process was forked, and the thread is the parent's")));
      call->tell();
    });
  }
}

// Triggers are called once; so they are added anew for each time that the reactor runs and there are calls.
void ThreadCalls::arm() {
  if (std::exchange(armed_, true)) return;
  reactor_.on_stop(Stopping::during, [this](Hold hold) { stop(std::move(hold)); });
  reactor_.on_stop(Stopping::after, [this] { stopped(); });
}

void ThreadCalls::stop(Hold hold) {
  stopping_ = true;
  // Those that are dropped come back too, by `post`: their `then` is told in the loop, as always.
  pool_->drop_waiting();
  if (!away_.empty()) hold_ = std::move(hold);
}

void ThreadCalls::stopped() {
  // The reactor may run again, and take calls then.
  armed_ = stopping_ = false;
  hold_ = Hold();
  if (away_.empty()) return;
  reactor_.loop().log().write(Level::warn,
                              concat("the reactor stops while ", away_.size(),
                                     " calls still run in threads; they are waited for when it goes"));
}

}  // namespace parley
