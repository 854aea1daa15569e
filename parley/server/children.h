#pragma once

// What ForkingMixIn stands on.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace parley {

class BaseServer;

// The processes that serve a server's requests. It waits for these alone, and the server's loop is told by
// their descriptors when one has ended. Used from the thread that serves; `size` by any, and `collect` by any
// once nobody serves.
class Children {
 public:
  explicit Children(BaseServer& server);
  // Waits for nobody.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // Starts a process that lets go of what is the server's, runs `body` and leaves with what it answers. With
  // `most` of them at work the server takes no request. Throws std::system_error when there can be no more.
  void start(const std::function<int()>& body, std::size_t most);

  // Forgets those that have ended; or waits for all.
  void collect(bool wait);
  std::size_t size() const;

 private:
  struct State;
  State& own_state();
  void ended(int descriptor);

  BaseServer& server_;
  std::uint32_t forks_;  // before which they were started
  std::atomic<std::size_t> count_ = 0;
  std::unique_ptr<State> state_;
};

}  // namespace parley
