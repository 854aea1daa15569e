#pragma once

#include <cstdint>

namespace parley {

// Names something that a reactor keeps for a program (a timer, a port, a watch ...), for as long as it is
// there and nothing afterwards. What the reactor's handles hold.
struct EntryId {
  std::uint32_t index = 0xffffffff;
  std::uint32_t generation = 0;

  friend bool operator==(EntryId, EntryId) = default;
};

}  // namespace parley
