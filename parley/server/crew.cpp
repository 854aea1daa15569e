#include "parley/server/crew.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "parley/process/own_process.h"

namespace parley {

namespace {

thread_local const Crew* own_crew = nullptr;

std::optional<Socket> second_handle(const Request& request, bool wanted) {
  if (!wanted || !request.connection) return std::nullopt;
  return request.connection->dup();
}

}  // namespace

struct Crew::Member {
  Request request;
  std::optional<Socket> handle{};  // to end the connection with; the handler may close its own at any time
  std::thread thread{};
  bool left = false;
  std::list<Member>::iterator self{};
};

struct Crew::State {
  struct Waiting {
    Request request;
    bool can_be_cut;
  };

  std::mutex mutex;
  std::condition_variable empty;
  std::list<Member> members;
  std::deque<Waiting> waiting;
  std::vector<std::thread> left;  // have finished, and are to be joined
};

Crew::Crew(std::function<void(Request&)> work)
    : work_(std::move(work)), process_(own_process()), state_(std::make_unique<State>()) {}

Crew::~Crew() {
  wait();
  // Of threads that are not there none can be joined, and their lock may never be free.
  if (process_ == own_process()) return;
  [[maybe_unused]] const State* const left = state_.release();
}

bool Crew::serve(Request& request, const Bounds& bounds) {
  std::optional<Socket> handle = second_handle(request, bounds.can_be_cut);
  std::list<Member> one(1);
  Member& member = one.front();
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->members.size() >= std::max<std::size_t>(bounds.threads, 1)) {
      if (state_->waiting.size() >= bounds.waiting) return false;
      state_->waiting.push_back({std::move(request), bounds.can_be_cut});
      return true;
    }
    member.request = std::move(request);
    member.handle = std::move(handle);
    member.self = one.begin();
    state_->members.splice(state_->members.end(), one);
  }
  std::thread thread;
  try {
    thread = std::thread([this, &member] { run(member); });
  } catch (...) {
    const std::lock_guard lock(state_->mutex);
    request = std::move(member.request);
    state_->members.erase(member.self);
    throw;
  }
  const std::lock_guard lock(state_->mutex);
  member.thread = std::move(thread);
  if (member.left) leave(member);
  return true;
}

void Crew::run(Member& member) {
  own_crew = this;
  for (;;) {
    work_(member.request);
    std::vector<std::thread> earlier;
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->waiting.empty()) {
        earlier.swap(state_->left);
        member.left = true;
        if (member.thread.joinable()) leave(member);
        // Else `serve` does, which has not come so far yet.
      } else {
        member.request = std::move(state_->waiting.front().request);
        member.handle.reset();
        if (state_->waiting.front().can_be_cut) {
          try {
            member.handle = second_handle(member.request, true);
          } catch (const SocketError&) {  // no descriptor left: it ends when it ends
          }
        }
        state_->waiting.pop_front();
        continue;
      }
    }
    for (std::thread& thread : earlier) thread.join();
    return;
  }
}

// With the lock held.
void Crew::leave(Member& member) {
  state_->left.push_back(std::move(member.thread));
  state_->members.erase(member.self);
  if (state_->members.empty()) state_->empty.notify_all();
}

void Crew::cut() {
  if (process_ != own_process()) return;
  std::deque<State::Waiting> forgotten;
  const std::lock_guard lock(state_->mutex);
  forgotten.swap(state_->waiting);
  for (Member& member : state_->members) {
    if (!member.handle) continue;
    try {
      member.handle->shutdown(Shutdown::both);
    } catch (const SocketError&) {  // it has ended already
    }
  }
}

void Crew::wait() {
  if (own_crew == this || process_ != own_process()) return;
  std::vector<std::thread> left;
  {
    std::unique_lock lock(state_->mutex);
    state_->empty.wait(lock, [this] { return state_->members.empty(); });
    left.swap(state_->left);
  }
  for (std::thread& thread : left) thread.join();
}

std::size_t Crew::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->members.size();
}

}  // namespace parley
