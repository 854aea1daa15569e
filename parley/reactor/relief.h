#pragma once

#include <new>

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
template <class List, class Entry>
void add(List& list, Entry&& entry, Relief& relief) {
  with_relief(relief, [&] { list.push_back(static_cast<Entry&&>(entry)); });
}

}  // namespace parley
