#pragma once

#include <string_view>

namespace parley {

// How many of the following stand on this thread.
extern constinit thread_local int reactor_depth;

// Stands while a reactor calls its user's code: a blocking call made on this thread meanwhile would stop
// everybody's connections, and is refused. They may be nested.
class InsideReactor {
 public:
  InsideReactor() noexcept { ++reactor_depth; }
  ~InsideReactor() { --reactor_depth; }
  InsideReactor(const InsideReactor&) = delete;
  InsideReactor& operator=(const InsideReactor&) = delete;
};

[[noreturn]] void refuse_blocking(std::string_view operation);

// Throws std::logic_error, in every build, where an InsideReactor stands on this thread. For whatever may
// wait to call first, also when it would not have had to this time: a mistake is to show at once.
inline void require_blocking_allowed(std::string_view operation) {
  if (reactor_depth != 0) refuse_blocking(operation);
}

}  // namespace parley
