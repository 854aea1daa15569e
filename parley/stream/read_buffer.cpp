#include "parley/stream/read_buffer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <stdexcept>

namespace parley::detail {

namespace {

// Most reads fit into a block of this size; some such blocks are kept for the next read of any stream.
constexpr std::size_t small = 4096;
// No stream keeps more than this, whatever the limits of those who read it.
constexpr std::size_t most = std::size_t{1} << 31U;

// Such blocks of one thread. They may come from another, with a stream that has moved.
struct Spare {
  enum class State : std::uint8_t { unused, used, gone };

  std::array<char*, 16> blocks;
  std::size_t count;
  State state;
};
// Without a destructor, so that whoever uses it need not look whether it is there.
constinit thread_local Spare spare{};

struct Ending {
  ~Ending() {
    while (spare.count > 0) delete[] spare.blocks[--spare.count];
    spare.state = Spare::State::gone;
  }
};

char* take_small() {
  return spare.count > 0 ? spare.blocks[--spare.count] : new char[small];
}

// The thread's first: what it keeps is to be given back when it ends.
[[gnu::cold]] void begin_to_keep() noexcept {
  thread_local const Ending ending;
  static_cast<void>(ending);
  spare.state = Spare::State::used;
}

void give_small(char* block) noexcept {
  if (spare.state == Spare::State::unused) begin_to_keep();
  // A static stream goes after what belongs to the thread.
  if (spare.state == Spare::State::gone || spare.count == spare.blocks.size()) {
    delete[] block;
  } else {
    spare.blocks[spare.count++] = block;
  }
}

}  // namespace

ReadBuffer::Block ReadBuffer::allocate(std::size_t size) {
  if (size <= small) return {take_small(), small};
  const std::size_t capacity = std::bit_ceil(size);
  return {new char[capacity], static_cast<std::uint32_t>(capacity)};
}

void ReadBuffer::release(char* memory, bool is_small) noexcept {
  if (is_small) {
    give_small(memory);
  } else {
    delete[] memory;
  }
}

ReadBuffer::~ReadBuffer() {
  if (block_.memory != nullptr) give_back();
  if (lent_memory_ != nullptr) give_back_lent();
}

void ReadBuffer::make_room(std::size_t count) {
  if (block_.memory != nullptr || count > small) return take_larger(count);
  block_ = {take_small(), small};
  lent_ = false;  // nothing, from no block
}

void ReadBuffer::take_larger(std::size_t count) {
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
      assert(lent_memory_ == nullptr);
      lent_memory_ = larger.memory;
      lent_small_ = larger.capacity == small;
    } else if (larger.memory != nullptr) {
      release(larger.memory, larger.capacity == small);
    }
  }
  begin_ = 0;
  end_ = static_cast<std::uint32_t>(held);
}

void ReadBuffer::adopt(InputBlock block, std::size_t count) {
  assert(empty() && count <= block.size && count <= most);
  if (std::exchange(lent_, false)) {
    // Somebody still looks at the old block, of which everything was taken.
    assert(lent_memory_ == nullptr);
    lent_memory_ = block_.memory;
    lent_small_ = block_.capacity == small;
  } else if (block_.memory != nullptr) {
    release(block_.memory, block_.capacity == small);
  }
  // One of exactly the small size may go to the small ones later, which are made in the same way.
  block_ = {block.memory.release(), static_cast<std::uint32_t>(std::min(block.size, most))};
  begin_ = 0;
  end_ = static_cast<std::uint32_t>(count);
}

void ReadBuffer::give_back() noexcept {
  release(block_.memory, block_.capacity == small);
  block_ = {};
  begin_ = end_ = 0;
}

void ReadBuffer::give_back_lent() noexcept {
  release(std::exchange(lent_memory_, nullptr), lent_small_);
}

void ReadBuffer::swap(ReadBuffer& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(lent_memory_, other.lent_memory_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
  std::swap(lent_, other.lent_);
  std::swap(lent_small_, other.lent_small_);
}

}  // namespace parley::detail
