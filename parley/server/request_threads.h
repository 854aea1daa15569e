#pragma once

// What ThreadingMixIn serves its requests with.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "parley/server/request.h"

namespace parley {

// The threads that handle requests: a ThreadPool, and what is to be known of the requests that it was given,
// so that their connections can be ended and their end be waited for. Thread: any.
class RequestThreads {
 public:
  // `handle` handles one request, in a thread, and must not throw.
  explicit RequestThreads(std::function<void(Request&)> handle);
  // Waits as `wait` does.
  ~RequestThreads();
  RequestThreads(const RequestThreads&) = delete;
  RequestThreads& operator=(const RequestThreads&) = delete;

  struct Bounds {
    std::size_t threads;  // 0 counts as 1
    std::size_t waiting;
    bool can_be_ended;  // keep a duplicate of each connection, for `end_connections`

    friend bool operator==(const Bounds&, const Bounds&) = default;
  };
  // Has the request handled, now or when a thread is free, and takes it. False, and the request is left as it
  // is, when it would be one too many. Throws std::system_error, and leaves it too, when the system has no
  // thread for it, or no descriptor for the duplicate.
  bool handle(Request& request, const Bounds& bounds);

  // Ends the connections of those that can be ended, and forgets those that wait for a thread.
  void end_connections();
  // Waits until every request was handled; returns at once on one of these threads.
  void wait();
  // Requests that a thread has.
  std::size_t size() const;

 private:
  struct State;
  State& own_state() const;

  const std::function<void(Request&)> handle_;
  mutable std::uint32_t forks_;  // before which it was made
  mutable std::unique_ptr<State> state_;
};

}  // namespace parley
