#include "parley/server/children.h"

#include <map>
#include <mutex>
#include <utility>

#include "parley/base/log.h"
#include "parley/process/child.h"
#include "parley/server/base_server.h"

namespace parley {

struct Children::State {
  std::map<int, Child> running;  // by descriptor
  std::mutex collecting;         // several threads may close a server that nobody serves
};

namespace {

// Where nobody can tell how it ended there is nothing to warn of: a program may have SIGCHLD ignored.
void tell_if_killed(const Child& child, const ProcessStatus& status) {
  if (status.kind() != ProcessStatus::Kind::signaled) return;
  standard_log().write(Level::warn, concat("process ", child.pid(),
                                           ", serving a request, was ended by signal ", status.signal()));
}

}  // namespace

Children::Children(BaseServer& server)
    : server_(server), forks_(fork_count()), state_(std::make_unique<State>()) {}

Children::~Children() {
  for (const auto& [descriptor, child] : own_state().running) server_.unwatch(descriptor);
}

// In the child of a fork they are its siblings: nobody there waits for them, and the lock is the parent's.
Children::State& Children::own_state() {
  if (forks_ != fork_count()) {
    const std::unique_ptr<State> left = std::exchange(state_, std::make_unique<State>());
    forks_ = fork_count();
    count_ = 0;
  }
  return *state_;
}

void Children::start(const std::function<int()>& body, std::size_t most) {
  State& state = own_state();
  Child child([&] {
    own_state();
    server_.leave_to_parent();
    return body();
  });
  const int descriptor = child.fileno();
  // It has none where the child's end is known already.
  if (descriptor < 0) return tell_if_killed(child, child.wait());
  server_.watch(descriptor, [this, descriptor] { ended(descriptor); });
  state.running.emplace(descriptor, std::move(child));
  count_ = state.running.size();
  // Further clients wait in the kernel's queue, not in this process: it could do nothing for them.
  if (count_ >= most) server_.take_requests(false);
}

void Children::ended(int descriptor) {
  State& state = own_state();
  const auto found = state.running.find(descriptor);
  const std::optional<ProcessStatus> status = found->second.poll();
  if (!status) return;
  tell_if_killed(found->second, *status);
  server_.unwatch(descriptor);  // before it is closed: its number may be another one's at once
  state.running.erase(found);
  count_ = state.running.size();
  server_.take_requests(true);
}

void Children::collect(bool wait) {
  State& state = own_state();
  const std::lock_guard lock(state.collecting);
  for (auto at = state.running.begin(); at != state.running.end();) {
    const int descriptor = (at++)->first;  // `ended` erases it
    if (wait) state.running.at(descriptor).wait();
    ended(descriptor);
  }
}

std::size_t Children::size() const {
  return forks_ == fork_count() ? count_.load() : 0;
}

}  // namespace parley
