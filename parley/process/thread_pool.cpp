#include "parley/process/thread_pool.h"

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "parley/base/print.h"
#include "parley/process/own_process.h"
#include "parley/socket/blocking.h"

namespace parley {

namespace {

struct Call {
  MoveOnlyFunction<void()> work;
  MoveOnlyFunction<void()> dropped;
};

// Not under the pool's mutex: whom this tells may use the pool.
std::size_t drop(const std::deque<Call>& calls) {
  for (const Call& call : calls) {
    if (call.dropped) call.dropped();
  }
  return calls.size();
}

thread_local const ThreadPool* own_pool = nullptr;

void refuse_own_thread(const ThreadPool& pool, const char* operation) {
  if (!pool.on_own_thread()) return;
  throw std::logic_error(
      concat(std::string_view(operation), ": one of its own threads would wait for itself"));
}

void require_threads(const ThreadPoolSettings& settings) {
  if (settings.threads != 0) return;
  throw std::invalid_argument("ThreadPool: ThreadPoolSettings::threads is 0, nothing could ever run");
}

}  // namespace

struct ThreadPool::Thread {
  std::list<std::thread> thread{};  // itself: in a list, so that it can be handed on without memory
  // Each waits on one of its own, so that the caller chooses who wakes up, and nobody else does.
  std::condition_variable woken{};
  std::optional<Call> call{};
  std::list<Thread>::iterator self{};
};

struct ThreadPool::State {
  explicit State(const ThreadPoolSettings& bounds) : settings(bounds) {}

  bool too_many() const { return threads.size() > settings.threads; }
  // Takes the thread out of those that are idle, if it is one of them. The mutex is held.
  void forget_idle(const Thread& thread) { std::erase(idle, &thread); }

  mutable std::mutex mutex;
  ThreadPoolSettings settings;
  std::condition_variable changed;  // no call is left, or no thread
  // Calls wait only while no thread is idle: a thread that has finished takes from here before it idles.
  std::deque<Call> waiting;
  std::list<Thread> threads;
  // The one that has idled for the shortest time is last, and is called first: its stack is still in the
  // cache, and those that are not needed reach their idle time.
  std::vector<Thread*> idle;
  std::list<std::thread> ended;  // to be joined
  // Of threads that have ended. They are kept for the next ones, and not freed before the pool is: whoever
  // wakes up a thread does so without the mutex, and by then it may have ended already.
  std::list<Thread> spare;
  std::size_t running = 0;
  bool stopped = false;
};

ThreadPool::ThreadPool(const ThreadPoolSettings& settings, Log& log)
    : log_(log), forks_(fork_count()), state_(std::make_unique<State>(settings)) {
  require_threads(settings);
}

ThreadPool::~ThreadPool() {
  end();
}

// In the child of a fork there are none of the threads, and a mutex that one of them held is never let go of.
// So the child begins anew: what was called before the fork is done by the parent alone. What the threads
// stood in is left as it is, for a thread that is not there cannot be joined.
ThreadPool::State& ThreadPool::own_state() const {
  if (forks_ != fork_count()) {
    const ThreadPoolSettings settings = state_->settings;
    [[maybe_unused]] const State* const left = state_.release();
    state_ = std::make_unique<State>(settings);
    forks_ = fork_count();
  }
  return *state_;
}

void ThreadPool::call(MoveOnlyFunction<void()> work, MoveOnlyFunction<void()> dropped) {
  State& state = own_state();
  Call call{std::move(work), std::move(dropped)};
  std::unique_lock lock(state.mutex);
  if (state.stopped) throw ThreadPoolStopped("ThreadPool: a call was refused, for the pool has stopped");
  if (!state.idle.empty()) {
    // The call is handed to this thread rather than queued, so that no other one can be faster and leave it
    // awake with nothing to do.
    Thread& thread = *state.idle.back();
    state.idle.pop_back();
    thread.call = std::move(call);
    ++state.running;
    lock.unlock();  // or it would wake up only to wait for the mutex
    thread.woken.notify_one();
    return;
  }
  const bool may_wait = state.waiting.size() < state.settings.waiting;
  if (state.threads.size() < state.settings.threads) {
    state.idle.reserve(state.threads.size() + 1);  // so that a thread can idle where there is no memory left
    if (state.spare.empty()) state.spare.emplace_back();
    state.threads.splice(state.threads.end(), state.spare, state.spare.begin());
    Thread& thread = state.threads.back();
    thread.self = std::prev(state.threads.end());
    try {
      // It begins when this function has let go of the mutex, and finds its call then.
      thread.thread.emplace_back([this, &thread] { run(thread); });
    } catch (const std::system_error&) {
      state.spare.splice(state.spare.end(), state.threads, thread.self);
      // The system has no further thread. Where this pool has some, the call waits for one of these.
      if (state.threads.empty() || !may_wait) throw;
      state.waiting.push_back(std::move(call));
      return;
    } catch (...) {
      state.spare.splice(state.spare.end(), state.threads, thread.self);
      throw;
    }
    if (!state.waiting.empty()) {
      // There was no thread for these calls before: the system had none, or the bound was lower.
      state.waiting.push_back(std::move(call));
      call = std::move(state.waiting.front());
      state.waiting.pop_front();
    }
    thread.call = std::move(call);
    ++state.running;
    return;
  }
  if (!may_wait) {
    throw ThreadPoolFull(concat("ThreadPool: a call was refused, for ", state.settings.waiting,
                                " wait already (ThreadPoolSettings::waiting) for ", state.settings.threads,
                                " threads"));
  }
  state.waiting.push_back(std::move(call));
}

void ThreadPool::run(Thread& self) {
  own_pool = this;
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  while (self.call) {
    Call call = std::move(*self.call);
    self.call.reset();
    lock.unlock();
    // Before the work begins: what it hands on to another thread (a call that comes back to its loop) must
    // not be held here any more, or it would end in this thread.
    call.dropped = nullptr;
    try {
      call.work();
    } catch (const std::exception& error) {
      log_.write(Level::error, concat("a call in a thread failed: ", std::string_view(error.what())));
    } catch (...) {
      log_.write(Level::error, "a call in a thread failed: it threw something that is no std::exception");
    }
    call.work = nullptr;  // without the mutex: what it holds may call the pool as it ends
    lock.lock();
    --state.running;
    if (state.too_many()) break;
    if (!state.waiting.empty()) {
      self.call = std::move(state.waiting.front());
      state.waiting.pop_front();
      ++state.running;
      continue;
    }
    if (state.running == 0) state.changed.notify_all();
    state.idle.push_back(&self);
    const auto wanted = [&] { return self.call || state.stopped || state.too_many(); };
    if (const auto idle_time = state.settings.idle_time) {
      self.woken.wait_until(lock, later(system_clock().now(), *idle_time), wanted);
    } else {
      self.woken.wait(lock, wanted);
    }
  }
  // A thread cannot join itself: the next one that ends does, or `end`. So no more than one that has ended
  // keeps its stack.
  std::list<std::thread> earlier;
  earlier.swap(state.ended);
  state.forget_idle(self);
  state.ended.splice(state.ended.end(), self.thread);
  state.spare.splice(state.spare.end(), state.threads, self.self);
  if (state.threads.empty() || state.running == 0) state.changed.notify_all();
  lock.unlock();
  for (std::thread& other : earlier) other.join();
}

void ThreadPool::adjust(const ThreadPoolSettings& settings) {
  require_threads(settings);
  const std::scoped_lock lock(own_state().mutex);
  own_state().settings = settings;
  for (Thread* const thread : own_state().idle) thread->woken.notify_one();
}

std::size_t ThreadPool::drop_waiting() {
  std::deque<Call> dropped;
  {
    const std::scoped_lock lock(own_state().mutex);
    dropped.swap(own_state().waiting);
  }
  return drop(dropped);
}

void ThreadPool::wait() {
  require_blocking_allowed("ThreadPool::wait");
  refuse_own_thread(*this, "ThreadPool::wait");
  std::unique_lock lock(own_state().mutex);
  own_state().changed.wait(lock, [this] { return own_state().waiting.empty() && own_state().running == 0; });
}

void ThreadPool::stop() {
  require_blocking_allowed("ThreadPool::stop");
  refuse_own_thread(*this, "ThreadPool::stop");
  end();
}

// What `stop` does and a destructor may: it throws nothing, wherever it is called.
void ThreadPool::end() {
  State& state = own_state();
  std::deque<Call> dropped;
  {
    const std::scoped_lock lock(state.mutex);
    state.stopped = true;
    dropped.swap(state.waiting);  // at once, so that no thread takes one more
    for (Thread* const thread : state.idle) thread->woken.notify_one();
  }
  drop(dropped);
  std::list<std::thread> ended;
  {
    std::unique_lock lock(state.mutex);
    state.changed.wait(lock, [&state] { return state.threads.empty(); });
    ended.swap(state.ended);
  }
  // Each of these has joined, or is joining, those that ended before it.
  for (std::thread& thread : ended) thread.join();
}

bool ThreadPool::on_own_thread() const {
  return own_pool == this;
}

std::size_t ThreadPool::threads() const {
  const std::scoped_lock lock(own_state().mutex);
  return own_state().threads.size();
}

std::size_t ThreadPool::running() const {
  const std::scoped_lock lock(own_state().mutex);
  return own_state().running;
}

std::size_t ThreadPool::waiting() const {
  const std::scoped_lock lock(own_state().mutex);
  return own_state().waiting.size();
}

}  // namespace parley
