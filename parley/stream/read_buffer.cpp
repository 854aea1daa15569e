#include "parley/stream/read_buffer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <stdexcept>

namespace parley::detail {

namespace {

// Most reads fit into a block of this size; some such blocks are kept for the next read of any stream.
constexpr std::size_t small = 4096;
// No stream keeps more than this, whatever the limits of those who read it.
constexpr std::size_t most = std::size_t{1} << 31U;

class Spare {
 public:
  Spare() = default;
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;
  ~Spare() {
    while (count_ > 0) delete[] blocks_[--count_];
    gone_ = true;
  }

  char* take() { return count_ > 0 ? blocks_[--count_] : new char[small]; }
  void give(char* block) noexcept {
    // A static stream goes after what belongs to the thread.
    if (gone_ || count_ == blocks_.size()) {
      delete[] block;
    } else {
      blocks_[count_++] = block;
    }
  }

 private:
  std::array<char*, 16> blocks_{};
  std::size_t count_ = 0;
  bool gone_ = false;
};

thread_local Spare spare;

}  // namespace

ReadBuffer::Block ReadBuffer::allocate(std::size_t size) {
  if (size <= small) return {spare.take(), small};
  const std::size_t capacity = std::bit_ceil(size);
  return {new char[capacity], static_cast<std::uint32_t>(capacity)};
}

void ReadBuffer::release(Block& block) noexcept {
  if (block.capacity == small) {
    spare.give(block.memory);
  } else {
    delete[] block.memory;
  }
  block = {};
}

ReadBuffer::~ReadBuffer() {
  release(block_);
  release(lent_block_);
}

void ReadBuffer::append(std::span<const char> bytes) {
  if (bytes.empty()) return;
  if (block_.capacity - end_ < bytes.size()) make_room(bytes.size());
  std::memcpy(block_.memory + end_, bytes.data(), bytes.size());
  end_ += static_cast<std::uint32_t>(bytes.size());
}

void ReadBuffer::make_room(std::size_t count) {
  const std::size_t held = size();
  if (count > most - held) throw std::length_error("a stream keeps at most 2 GiB that were not read");
  // Half of the block was read: to move the rest costs no more than reading that did.
  if (!lent_ && held + count <= block_.capacity && begin_ >= block_.capacity / 2) {
    std::memmove(block_.memory, block_.memory + begin_, held);
  } else {
    // At least twice what is held: each byte is moved a few times in all, however it comes.
    Block larger = allocate(std::min(std::max(held + count, held * 2), most));
    if (held != 0) std::memcpy(larger.memory, block_.memory + begin_, held);
    std::swap(block_, larger);
    // Somebody still looks at the old block: it is kept until `settle`.
    if (std::exchange(lent_, false)) {
      assert(lent_block_.memory == nullptr);
      lent_block_ = larger;
    } else {
      release(larger);
    }
  }
  begin_ = 0;
  end_ = static_cast<std::uint32_t>(held);
}

std::string_view ReadBuffer::lend(std::size_t count) {
  const std::string_view lent = held().substr(0, count);
  begin_ += static_cast<std::uint32_t>(count);
  lent_ = true;
  return lent;
}

void ReadBuffer::settle() {
  lent_ = false;
  if (lent_block_.memory != nullptr) release(lent_block_);
  // An idle stream owns no memory.
  if (begin_ == end_ && block_.memory != nullptr) {
    release(block_);
    begin_ = end_ = 0;
  }
}

void ReadBuffer::swap(ReadBuffer& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(lent_block_, other.lent_block_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
  std::swap(lent_, other.lent_);
}

}  // namespace parley::detail
