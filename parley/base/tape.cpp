#include "parley/base/tape.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace parley {

void Tape::grow(std::size_t wanted) {
  const auto used = static_cast<std::size_t>(at_ - begin_);
  const std::size_t size = std::max(block_bytes, 2 * used + wanted);
  if (size > most_ - std::min(most_, memory_)) {
    throw std::length_error("more was written than may wait for the end of a callback");
  }
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
  room_of_last_ = size;
  memory_ += size;
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
    memory_ = 0;
    begin_ = at_ = end_ = nullptr;
    return;
  }
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), std::prev(blocks_.end()));
  memory_ = block_bytes;
  begin_ = at_ = blocks_.back().get();
  end_ = begin_ + block_bytes;
}

std::size_t Tape::give_away(Blocks& to) {
  to.reserve(to.size() + blocks_.size());
  std::move(blocks_.begin(), blocks_.end(), std::back_inserter(to));
  blocks_.clear();
  held_ = 0;
  begin_ = at_ = end_ = nullptr;
  return std::exchange(memory_, 0);
}

}  // namespace parley
