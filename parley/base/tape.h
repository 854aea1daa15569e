#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "parley/base/print.h"

namespace parley {

// An append-only strip of memory on which a loop writes what a turn sends, each message once, whoever
// receives it. A message is contiguous, and begins where the one before it ended unless a new block was
// begun: so that what many receivers get in a row is one slice. Nothing written moves until `rewind`.
class Tape final : public Writer {
 public:
  static constexpr std::size_t block_bytes = 64 * 1024;
  using Blocks = std::vector<std::unique_ptr<char[]>>;

  // `most`: how much memory it may take.
  explicit Tape(std::size_t most = static_cast<std::size_t>(-1)) : Writer(nullptr, nullptr), most_(most) {}

  // Prints the parts as one message and answers its bytes. When a print throws, nothing was written; so where
  // there is no memory for it: std::bad_alloc, or std::length_error beyond the tape's own limit.
  template <Printable... Parts>
  std::string_view append(const Parts&... parts) {
    at_ = begin_;  // drops what a print that threw has left
    print_all(*this, parts...);
    const std::string_view message(begin_, static_cast<std::size_t>(at_ - begin_));
    begin_ = at_;
    held_ += message.size();
    return message;
  }

  // Where the next message will stand if it is no longer than the room that is left; `take` makes it one, of
  // bytes that the caller puts there.
  char* next() const { return begin_; }
  std::size_t room_left() const { return static_cast<std::size_t>(end_ - begin_); }
  void take(std::size_t size) {
    begin_ += size;
    held_ += size;
  }

  // Memory for the next message, of at least `size` bytes, where they are not known yet; `take` follows.
  char* reserve(std::size_t size) {
    at_ = begin_;
    if (room_left() < size) grow(size);
    return begin_;
  }

  // The last message, of so many bytes, was not one after all: the next begins where it began.
  void take_back(std::size_t size) {
    begin_ -= size;
    held_ -= size;
  }

  // How many bytes of messages stand on it.
  std::size_t held() const { return held_; }

  // Everything on it may be overwritten from now on. One block is kept for what comes next.
  void rewind() {
    if (held_ != 0) start_again();
  }

  // The same, but what stands on it stays valid in the blocks that are given away. Answers their bytes.
  std::size_t give_away(Blocks& to);

 private:
  void grow(std::size_t wanted) override;
  void start_again();

  Blocks blocks_;  // the last is written to
  std::size_t most_;
  std::size_t memory_ = 0;  // of all blocks
  std::size_t room_of_last_ = 0;
  char* begin_ = nullptr;  // of the message that is being written
  std::size_t held_ = 0;
};

}  // namespace parley
