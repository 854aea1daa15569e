#pragma once

#include <cstddef>

namespace parley {
class Forms;
}

namespace parley::detail {

// Messages that stand side by side on a tape of groups and are given to many connections at once: before
// anything else is queued for one of them, so that order is what it would be one by one. Implemented by
// whoever writes them.
class Run {
 public:
  // Gives each receiver its part.
  virtual void distribute() = 0;
  // Tells `Forms` each connection that it is written for.
  virtual void mark_members() = 0;

 protected:
  Run() = default;
  ~Run() = default;

 private:
  friend class parley::Forms;

  std::size_t place_ = 0;  // in the list of all
};

}  // namespace parley::detail
