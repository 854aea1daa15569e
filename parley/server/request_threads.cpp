#include "parley/server/request_threads.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include "parley/process/own_process.h"
#include "parley/process/thread_pool.h"

namespace parley {

namespace {

// To start a thread takes longer than many a request does. So a thread is kept for the next request; but not
// for ever, or a server would keep as many as its busiest moment needed.
constexpr Duration idle_time = std::chrono::seconds(5);

ThreadPoolSettings settings_for(const RequestThreads::Bounds& bounds) {
  return {std::max<std::size_t>(bounds.threads, 1), bounds.waiting, idle_time};
}

struct Accepted {
  Request request;
  // The same connection once more: its handler may close the request's own at any time, and a number that was
  // closed may be another connection's by the time that it is to be ended.
  std::optional<Socket> duplicate{};
};

}  // namespace

struct RequestThreads::State {
  void remove(std::list<Accepted>::iterator accepted) {
    const std::lock_guard lock(mutex);
    requests.erase(accepted);  // closes its sockets: before whoever waits for the last one goes on
    if (requests.empty()) none_left.notify_all();
  }

  std::mutex mutex;  // may be held while the pool's own is taken, never the other way round
  std::condition_variable none_left;
  std::list<Accepted> requests;       // those that are handled, and those that wait
  std::optional<Bounds> bounds;       // the pool's
  ThreadPool pool{settings_for({})};  // last: its threads end before what they use
};

RequestThreads::RequestThreads(std::function<void(Request&)> handle)
    : handle_(std::move(handle)), forks_(fork_count()), state_(std::make_unique<State>()) {}

RequestThreads::~RequestThreads() {
  wait();  // the pool alone would drop the requests that wait
}

// In the child of a fork, what is handled, and the threads that do it, are the parent's: the child begins
// anew, and leaves what they stood in as it is.
RequestThreads::State& RequestThreads::own_state() const {
  if (forks_ != fork_count()) {
    [[maybe_unused]] const State* const left = state_.release();
    state_ = std::make_unique<State>();
    forks_ = fork_count();
  }
  return *state_;
}

bool RequestThreads::handle(Request& request, const Bounds& bounds) {
  std::list<Accepted> one(1);
  if (bounds.can_be_ended && request.connection) one.front().duplicate = request.connection->dup();
  const auto accepted = one.begin();
  State& state = own_state();
  // Held throughout, so that `size` never counts a request that turns out to be one too many.
  const std::lock_guard lock(state.mutex);
  if (state.bounds != bounds) {
    state.pool.adjust(settings_for(bounds));
    state.bounds = bounds;
  }
  accepted->request = std::move(request);
  state.requests.splice(state.requests.end(), one);
  try {
    state.pool.call(
        [this, accepted] {
          handle_(accepted->request);
          own_state().remove(accepted);
        },
        [this, accepted] { own_state().remove(accepted); });
    return true;
  } catch (const ThreadPoolFull&) {
    request = std::move(accepted->request);
    state.requests.erase(accepted);
    return false;
  } catch (...) {
    request = std::move(accepted->request);
    state.requests.erase(accepted);
    throw;
  }
}

void RequestThreads::end_connections() {
  own_state().pool.drop_waiting();
  const std::lock_guard lock(own_state().mutex);
  for (Accepted& accepted : own_state().requests) {
    if (!accepted.duplicate) continue;
    try {
      accepted.duplicate->shutdown(Shutdown::both);
    } catch (const SocketError&) {  // it has ended already
    }
  }
}

void RequestThreads::wait() {
  // A handler that closes its server would wait for itself.
  if (own_state().pool.on_own_thread()) return;
  // Not ThreadPool::wait: that refuses to block a reactor's callback, and a server's destructor, which comes
  // here, must not throw.
  std::unique_lock lock(own_state().mutex);
  own_state().none_left.wait(lock, [this] { return own_state().requests.empty(); });
}

std::size_t RequestThreads::size() const {
  const std::lock_guard lock(own_state().mutex);
  return own_state().requests.size() - std::min(own_state().requests.size(), own_state().pool.waiting());
}

}  // namespace parley
