#include "parley/base/tape.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace parley {

void Tape::grow(std::size_t wanted) {
  const auto used = static_cast<std::size_t>(at_ - begin_);
  const std::size_t size = std::max(block_bytes, 2 * used + wanted);
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
  room_of_last_ = size;
  char* const block = blocks_.back().get();
  if (used != 0) std::memcpy(block, begin_, used);
  begin_ = block;
  at_ = block + used;
  end_ = block + size;
}

void Tape::start_again() {
  held_ = 0;
  if (room_of_last_ != block_bytes) {  // a large message's own block is not worth keeping
    blocks_.clear();
    begin_ = at_ = end_ = nullptr;
    return;
  }
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), std::prev(blocks_.end()));
  begin_ = at_ = blocks_.back().get();
  end_ = begin_ + block_bytes;
}

void Tape::give_away(Blocks& to) {
  held_ = 0;
  std::move(blocks_.begin(), blocks_.end(), std::back_inserter(to));
  blocks_.clear();
  begin_ = at_ = end_ = nullptr;
}

}  // namespace parley
