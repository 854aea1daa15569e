#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "parley/reactor/input_block.h"

namespace parley::detail {

// Bytes that have come and were not read. An empty one owns no memory. What was lent stays where it is,
// whatever comes meanwhile, until `settle`.
class ReadBuffer {
 public:
  ReadBuffer() = default;
  ReadBuffer(ReadBuffer&& other) noexcept { swap(other); }
  ReadBuffer& operator=(ReadBuffer&& other) noexcept {
    ReadBuffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~ReadBuffer();

  std::string_view held() const { return {block_.memory + begin_, size()}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  void append(std::span<const char> bytes) {
    if (bytes.empty()) return;
    if (block_.capacity - end_ < bytes.size()) make_room(bytes.size());
    std::memcpy(block_.memory + end_, bytes.data(), bytes.size());
    end_ += static_cast<std::uint32_t>(bytes.size());
  }
  // Takes over the block that the first `count` bytes stand in. Only when it is empty.
  void adopt(InputBlock block, std::size_t count);
  // Takes bytes from the front, of those that are held; valid until `settle`.
  std::string_view lend(std::size_t count) {
    const std::string_view lent = held().substr(0, count);
    begin_ += static_cast<std::uint32_t>(lent.size());
    lent_ = true;
    return lent;
  }
  // All that is held, which stays; valid until `settle`.
  std::string_view show() {
    lent_ = true;
    return held();
  }
  // Drops some of the front, of those that are held. Leaves what is lent or shown as it is.
  void skip(std::size_t count) { begin_ += static_cast<std::uint32_t>(count); }
  // What was lent is not in use any more.
  void settle() {
    lent_ = false;
    if (lent_memory_ != nullptr) give_back_lent();
    // An idle stream owns no memory.
    if (begin_ == end_ && block_.memory != nullptr) give_back();
  }

 private:
  struct Block {
    char* memory = nullptr;
    std::uint32_t capacity = 0;
  };

  static Block allocate(std::size_t size);
  static void release(char* memory, bool is_small) noexcept;
  void give_back() noexcept;
  void give_back_lent() noexcept;
  void make_room(std::size_t count);
  void take_larger(std::size_t count);
  void swap(ReadBuffer& other) noexcept;

  Block block_;
  char* lent_memory_ = nullptr;  // the block that holds what is lent, once there is another one
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  bool lent_ = false;        // in block_, before begin_
  bool lent_small_ = false;  // how large that other block is
};

}  // namespace parley::detail
