#include "parley/reactor/threads/calls_from_threads.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "parley/reactor/loop/loop.h"
#include "parley/reactor/process/events.h"
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
  bool closed = false;
};

CallsFromThreads::CallsFromThreads(Reactor& reactor) : reactor_(reactor), state_(std::make_shared<State>()) {}
CallsFromThreads::~CallsFromThreads() = default;

// In the child of a fork nobody waits, and the mutex may be held for ever.
std::shared_ptr<CallsFromThreads::State> CallsFromThreads::own_state() {
  if (forks_ != fork_count()) {
    [[maybe_unused]] const auto* const left = new std::shared_ptr<State>(std::move(state_));
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
    state->waiting.push_back(&waiting);
    // With the mutex: the reactor closes this before it goes, and must not go in between.
    reactor_.post([this] { next(); });
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

void CallsFromThreads::open() {
  closed_ = false;
  const std::shared_ptr<State> state = own_state();
  const std::scoped_lock lock(state->mutex);
  state->closed = false;
}

void CallsFromThreads::close() {
  closed_ = true;
  const std::shared_ptr<State> state = own_state();
  const std::scoped_lock lock(state->mutex);
  state->closed = true;
  for (Waiting* const waiting : std::exchange(state->waiting, {})) waiting->over = true;
  state->changed.notify_all();
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
