#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "parley/base/slice.h"
#include "parley/base/tape.h"

namespace parley {

// The memory that lagging clients' bytes are copied into, for one loop: blocks, used again, and the count of
// all that waits.
class BacklogStore {
 public:
  static constexpr std::size_t block_bytes = 16 * 1024;
  using Block = std::unique_ptr<char[]>;

  Block take();
  void give_back(Block block);

  // All that lags together: copied bytes and owned slices.
  std::size_t queued() const { return queued_; }

 private:
  friend class Outbox;
  static constexpr std::size_t spare_blocks = 64;

  std::vector<Block> spare_;
  std::size_t queued_ = 0;
};

// All that is to be sent to one client, in its order: rooms, replies, pings. It holds slices: of a tape
// (valid until the flush is over; then `keep` copies what has not left), of memory of its own, or with an
// owner. An idle one is its 24 bytes.
class Outbox {
 public:
  Outbox() = default;
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // A message on a tape. One that begins where the last ended extends it.
  void append(std::string_view on_tape) {
    if (!extends_at(on_tape.data())) push_last();
    extend(on_tape.data(), on_tape.size());
  }
  // Whether what stands there on a tape makes one slice with the last, if there is any; and adding that.
  bool extends_at(const char* place) const { return last_size_ == 0 || last_ + last_size_ == place; }
  void extend(const char* place, std::size_t size) {
    if (last_size_ == 0) last_ = place;
    last_size_ += static_cast<std::uint32_t>(size);
  }
  // Bytes with an owner. `counts`: they are a copy that was made for this client alone, and so count as
  // what it is behind.
  void append(Slice slice, bool counts, BacklogStore& store);

  bool empty() const { return last_size_ == 0 && waiting_ == nullptr; }
  std::size_t size() const;
  // How far the client is behind: the bytes that were copied for it, but for a text with an owner that is on
  // its way; and all bytes that wait in memory, slices included.
  std::size_t behind() const;
  std::size_t kept() const { return waiting_ == nullptr ? 0 : waiting_->kept; }

  // Adds everything to `pieces`: large pieces by reference, small ones that stand side by side gathered
  // on `scratch`. Answers the bytes in all.
  std::size_t gather(Tape& scratch, std::vector<std::string_view>& pieces) const;
  // All of it, where that is one slice of a tape (as it mostly is); else nothing.
  std::string_view only_slice() const {
    return waiting_ == nullptr ? std::string_view(last_, last_size_) : std::string_view();
  }
  // The one slice that `only_slice` has answered has left.
  void drop_only_slice() { last_size_ = 0; }
  // Drops bytes from the front: they have left.
  void consume(std::size_t count, BacklogStore& store) {
    if (waiting_ != nullptr) count = consume_waiting(count, store);
    const auto gone = static_cast<std::uint32_t>(count < last_size_ ? count : last_size_);
    last_ += gone;
    last_size_ -= gone;
  }
  // Adds what stands first to `pieces`, by reference, and at most so many bytes of it. Answers how many.
  std::size_t show(std::size_t most, std::vector<std::string_view>& pieces) const;
  // The first bytes go to the end of `other`: by reference, but for a part of a block, which is copied onto
  // `scratch`.
  void move_to(Outbox& other, std::size_t count, Tape& scratch, BacklogStore& store);
  void swap(Outbox& other) noexcept;
  // Copies what stands on a tape into memory of its own.
  void keep(BacklogStore& store);
  void clear(BacklogStore& store);

  // Which of the flusher's epochs its write in flight has pinned, and how many of its bytes. 0: none but the
  // present one. Set only after `keep`, and with something in it.
  std::uint64_t epoch() const { return waiting_ == nullptr ? 0 : waiting_->epoch; }
  std::size_t pinned() const { return waiting_->pinned; }
  void set_epoch(std::uint64_t epoch, std::size_t pinned) {
    waiting_->epoch = epoch;
    waiting_->pinned = pinned;
  }
  void end_epoch() {
    if (waiting_ != nullptr) waiting_->epoch = 0;
  }

 private:
  struct Piece {
    enum class Place : std::uint8_t { tape, block, text, slice };

    std::string_view bytes;
    Place place;
    std::size_t block_used = 0;
    BacklogStore::Block block{};
    Slice owner{};
  };
  // What there is before the last slice.
  struct Waiting {
    std::deque<Piece> pieces;
    std::size_t copied = 0;  // in blocks and texts
    std::size_t kept = 0;    // and in slices
    std::uint64_t epoch = 0;
    std::size_t pinned = 0;
  };

  Waiting& waiting();
  void push_last();
  // Answers how many bytes are still to be dropped, behind what has waited.
  std::size_t consume_waiting(std::size_t count, BacklogStore& store);
  void copy(Waiting& into, std::string_view bytes, BacklogStore& store);
  void release(Piece& piece, std::size_t count, BacklogStore& store);

  const char* last_ = nullptr;
  std::unique_ptr<Waiting> waiting_;
  std::uint32_t last_size_ = 0;
};

static_assert(sizeof(Outbox) == 24);  // 20, and 4 that its owner may use

}  // namespace parley
