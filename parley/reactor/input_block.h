#pragma once

#include <cstddef>
#include <memory>

namespace parley {

// Memory that input was received into, with its owner. None: a null `memory`.
struct InputBlock {
  std::unique_ptr<char[]> memory;
  std::size_t size = 0;  // of the memory, of which the input may fill a part
};

}  // namespace parley
