#include "parley/reactor/threads/calls_from_threads.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "parley/reactor/loop/loop.h"
#include "parley/reactor/process/events.h"
#include "parley/reactor/threads/call_from_thread.h"
#include "parley/socket/blocking.h"

namespace parley {

namespace {

// A thread that waits.
struct Waiting {
  detail::CallFromThread& call;
  bool over = false;
  bool called = false;
};

}  // namespace

struct CallsFromThreads::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Waiting*> waiting;
  std::deque<MoveOnlyFunction<void(bool)>> posted;
  bool closed = false;
};

CallsFromThreads::CallsFromThreads(Reactor& reactor) : reactor_(reactor), state_(std::make_shared<State>()) {}
CallsFromThreads::~CallsFromThreads() = default;

// In the child of a fork nobody waits, and the mutex may be held for ever.
std::shared_ptr<CallsFromThreads::State> CallsFromThreads::own_state() {
  const std::scoped_lock lock(renewing_);
  if (forks_ != fork_count()) {
    keep_for_ever(std::move(state_));
    state_ = std::make_shared<State>();
    state_->closed = closed_;
    forks_ = fork_count();
  }
  return state_;
}

void CallsFromThreads::wait_for(detail::CallFromThread& call) {
  const std::shared_ptr<State> state = own_state();
  Waiting waiting{call};
  std::unique_lock lock(state->mutex);
  if (!state->closed) {
    // With the mutex: the reactor closes this before it goes, and must not go in between. Before the list has
    // it: what throws here leaves nothing there.
    reactor_.post([this] { next(); });
    state->waiting.push_back(&waiting);
    state->changed.wait(lock, [&] { return waiting.over; });
  }
  if (!waiting.called) {
    throw ReactorStopped(
        "blocking_call_from_thread: the reactor has stopped running, and will not make the call");
  }
}

void CallsFromThreads::next() {
  const std::shared_ptr<State> state = own_state();
  Waiting* first = nullptr;
  {
    const std::scoped_lock lock(state->mutex);
    if (state->waiting.empty()) return;
    first = state->waiting.front();
    state->waiting.pop_front();
  }
  first->call.work();
  const std::scoped_lock lock(state->mutex);
  first->over = first->called = true;
  state->changed.notify_all();
}

// What is dropped may be a coroutine with all that it holds: without the mutex.
void CallsFromThreads::post(MoveOnlyFunction<void(bool)> call) {
  const std::shared_ptr<State> state = own_state();
  const std::scoped_lock lock(state->mutex);
  if (state->closed) return;
  reactor_.post([this] { next_posted(); });
  state->posted.push_back(std::move(call));
}

void CallsFromThreads::next_posted() {
  const std::shared_ptr<State> state = own_state();
  MoveOnlyFunction<void(bool)> first;
  {
    const std::scoped_lock lock(state->mutex);
    if (state->posted.empty()) return;
    first = std::move(state->posted.front());
    state->posted.pop_front();
  }
  first(reactor_.loop().shutdown().begun());
}

void CallsFromThreads::open() {
  closed_ = false;
  const std::shared_ptr<State> state = own_state();
  const std::scoped_lock lock(state->mutex);
  state->closed = false;
}

void CallsFromThreads::close() {
  closed_ = true;
  const std::shared_ptr<State> state = own_state();
  std::deque<MoveOnlyFunction<void(bool)>> dropped;
  const std::scoped_lock lock(state->mutex);
  dropped.swap(state->posted);
  state->closed = true;
  for (Waiting* const waiting : std::exchange(state->waiting, {})) waiting->over = true;
  state->changed.notify_all();
}

void detail::call_from_thread(Reactor& reactor, MoveOnlyFunction<void(bool)> call) {
  reactor.events().from_threads.post(std::move(call));
}

void detail::wait_for_call(Reactor& reactor, CallFromThread& call) {
  require_blocking_allowed("blocking_call_from_thread");
  if (reactor.loop().on_own_thread()) {
    throw std::logic_error(
        "blocking_call_from_thread: the thread of the reactor would wait for itself; it can make the call "
        "directly");
  }
  reactor.events().from_threads.wait_for(call);
}

}  // namespace parley
