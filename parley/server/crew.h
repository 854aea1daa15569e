#pragma once

// What ThreadingMixIn stands on.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "parley/server/request.h"

namespace parley {

// The threads that serve requests, one for each, up to a bound. A thread that has finished takes the
// next request that waits, or is joined by whichever finishes next. Thread: any.
class Crew {
 public:
  // `work` serves one request, and must not throw.
  explicit Crew(std::function<void(Request&)> work);
  // Waits for all. In a process that was forked from the one which made it, this, `cut` and `wait` do
  // nothing: the threads are not there, and the connections are the other one's.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  struct Bounds {
    std::size_t threads;
    std::size_t waiting;
    bool can_be_cut;  // keep a duplicate of each connection, for `cut`
  };
  // Has the request served, now or when a thread is free, and takes it. False, and the request is left as it
  // is, when it would be one too many. Throws std::system_error, and leaves it too, when the system has no
  // thread left.
  bool serve(Request& request, const Bounds& bounds);

  // Ends the connections of those that can be cut, and forgets those who wait.
  void cut();
  // Waits until every request was served; at once in one of the crew's own threads.
  void wait();
  // Threads that serve at this moment.
  std::size_t size() const;

 private:
  struct State;
  struct Member;
  void run(Member& member);
  void leave(Member& member);

  const std::function<void(Request&)> work_;
  const std::int64_t process_;
  std::unique_ptr<State> state_;
};

}  // namespace parley
