#pragma once

#include <deque>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace parley {

// Who has memory given back where there is none for what a loop must remember: connections that lag are lost
// for it, the one that holds most first. Thread: the loop's.
class Relief {
 public:
  // Answers whether something was given back, so that it is worth trying again.
  virtual bool find_memory() { return false; }

 protected:
  ~Relief() = default;
};

// Makes the attempt, and again each time that memory was found for it. A failed attempt must have changed
// nothing, and connections may have been lost since. Throws std::bad_alloc once nothing is to be had.
template <class Attempt>
void with_relief(Relief& relief, const Attempt& attempt) {
  while (true) {
    try {
      return attempt();
    } catch (const std::bad_alloc&) {
      if (!relief.find_memory()) throw;
    }
  }
}

// At the end of a list.
template <class T>
[[gnu::always_inline]] inline void add(std::vector<T>& list, std::type_identity_t<T> entry, Relief& relief) {
  if (list.size() == list.capacity()) [[unlikely]] {
    with_relief(relief, [&] { list.reserve(2 * list.size() + 4); });
  }
  list.push_back(std::move(entry));
}
template <class T>
void add(std::deque<T>& list, const std::type_identity_t<T>& entry, Relief& relief) {
  with_relief(relief, [&] { list.push_back(entry); });
}

}  // namespace parley
