#include "parley/reactor/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "parley/base/print.h"
#include "parley/socket/blocking.h"

namespace parley {

namespace {

struct Call {
  std::function<void()> work;
  std::function<void()> dropped;
};

thread_local const ThreadPool* own_pool = nullptr;

void refuse_own_thread(const ThreadPool* pool, const char* operation) {
  if (own_pool != pool) return;
  throw std::logic_error(
      format(std::string_view(operation), ": one of its own threads would wait for itself"));
}

}  // namespace

struct ThreadPool::State {
  mutable std::mutex mutex;
  std::condition_variable work;   // there is some, or the end
  std::condition_variable ended;  // a call has
  std::deque<Call> waiting;
  std::vector<std::thread> threads;
  std::size_t free = 0;  // threads that run nothing
  std::size_t running = 0;
  bool stopped = false;
};

ThreadPool::ThreadPool(const ThreadPoolSettings& settings, Log& log)
    : settings_(settings), log_(log), state_(std::make_unique<State>()) {
  if (settings.threads == 0) {
    throw std::invalid_argument("ThreadPool: ThreadPoolSettings::threads is 0, nothing could ever run");
  }
}

ThreadPool::~ThreadPool() {
  end();
}

void ThreadPool::call(std::function<void()> work, std::function<void()> dropped) {
  const std::scoped_lock lock(state_->mutex);
  State& state = *state_;
  if (state.stopped) throw ThreadPoolStopped("ThreadPool: a call was refused, for the pool has stopped");
  const bool needs_one = state.waiting.size() >= state.free && state.threads.size() < settings_.threads;
  if (!needs_one && state.waiting.size() >= state.free + settings_.waiting) {
    throw ThreadPoolFull(format("ThreadPool: a call was refused, for ", settings_.waiting,
                                " wait already (ThreadPoolSettings::waiting) for ", settings_.threads,
                                " threads"));
  }
  state.waiting.push_back({std::move(work), std::move(dropped)});
  if (needs_one) {
    try {
      state.threads.emplace_back([this] { run(); });
      ++state.free;  // it waits for the mutex, and counts already
    } catch (const std::system_error&) {
      if (!state.threads.empty()) return;  // the others have to do
      state.waiting.pop_back();
      throw;
    }
  }
  state.work.notify_one();
}

void ThreadPool::run() {
  own_pool = this;
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  for (;;) {
    state.work.wait(lock, [&state] { return !state.waiting.empty() || state.stopped; });
    if (state.waiting.empty()) return;
    Call call = std::move(state.waiting.front());
    state.waiting.pop_front();
    --state.free;
    ++state.running;
    lock.unlock();
    call.dropped = nullptr;  // first: afterwards nothing here holds what the work hands on to another thread
    try {
      call.work();
    } catch (const std::exception& error) {
      log_.write(Level::error, format("a call in a thread failed: ", std::string_view(error.what())));
    } catch (...) {
      log_.write(Level::error, "a call in a thread failed: it threw something that is no std::exception");
    }
    call.work = nullptr;
    lock.lock();
    ++state.free;
    --state.running;
    state.ended.notify_all();
  }
}

std::size_t ThreadPool::drop_waiting() {
  std::deque<Call> dropped;
  {
    const std::scoped_lock lock(state_->mutex);
    dropped.swap(state_->waiting);
  }
  state_->ended.notify_all();
  for (const Call& call : dropped) {
    if (call.dropped) call.dropped();
  }
  return dropped.size();
}

void ThreadPool::wait() {
  require_blocking_allowed("ThreadPool::wait");
  refuse_own_thread(this, "ThreadPool::wait");
  std::unique_lock lock(state_->mutex);
  state_->ended.wait(lock, [this] { return state_->waiting.empty() && state_->running == 0; });
}

void ThreadPool::stop() {
  require_blocking_allowed("ThreadPool::stop");
  refuse_own_thread(this, "ThreadPool::stop");
  end();
}

void ThreadPool::end() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopped = true;
  }
  drop_waiting();
  state_->work.notify_all();
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(state_->mutex);
    threads.swap(state_->threads);
  }
  for (std::thread& thread : threads) thread.join();
}

std::size_t ThreadPool::threads() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->threads.size();
}

std::size_t ThreadPool::running() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->running;
}

std::size_t ThreadPool::waiting() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->waiting.size() - std::min(state_->waiting.size(), state_->free);
}

}  // namespace parley
