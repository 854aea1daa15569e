#include "parley/server/children.h"

#include <map>
#include <utility>

#include "parley/base/log.h"
#include "parley/process/child.h"
#include "parley/server/base_server.h"

namespace parley {

struct Children::State {
  std::map<int, Child> running;  // by descriptor
};

namespace {

// Where nobody can tell how it ended there is nothing to warn of: a program may have SIGCHLD ignored.
void tell_if_killed(const Child& child, const ProcessStatus& status) {
  if (status.kind() != ProcessStatus::Kind::signaled) return;
  standard_log().write(Level::warn, format("process ", child.pid(),
                                           ", serving a request, was ended by signal ", status.signal()));
}

}  // namespace

Children::Children(BaseServer& server) : server_(server), state_(std::make_unique<State>()) {}

Children::~Children() {
  for (const auto& [descriptor, child] : state_->running) server_.unwatch(descriptor);
}

void Children::start(const std::function<int()>& body, std::size_t most) {
  Child child([&] {
    // The copies of the others' descriptors; they are the parent's to wait for.
    state_->running.clear();
    server_.leave_to_parent();
    return body();
  });
  const int descriptor = child.fileno();
  // It has none where the child's end is known already.
  if (descriptor < 0) return tell_if_killed(child, child.wait());
  server_.watch(descriptor, [this, descriptor] { ended(descriptor); });
  state_->running.emplace(descriptor, std::move(child));
  // Further clients wait in the kernel's queue, not in this process: it could do nothing for them.
  if (state_->running.size() >= most) server_.take_requests(false);
}

void Children::ended(int descriptor) {
  const auto found = state_->running.find(descriptor);
  const std::optional<ProcessStatus> status = found->second.poll();
  if (!status) return;
  tell_if_killed(found->second, *status);
  server_.unwatch(descriptor);  // before it is closed: its number may be another one's at once
  state_->running.erase(found);
  server_.take_requests(true);
}

void Children::collect(bool wait) {
  for (auto at = state_->running.begin(); at != state_->running.end();) {
    const int descriptor = (at++)->first;  // `ended` erases it
    if (wait) state_->running.at(descriptor).wait();
    ended(descriptor);
  }
}

std::size_t Children::size() const {
  return state_->running.size();
}

}  // namespace parley
