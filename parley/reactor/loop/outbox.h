#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "parley/base/slice.h"
#include "parley/base/tape.h"
#include "parley/process/pages.h"
#include "parley/socket/open_file.h"

namespace parley {

// The memory that lagging clients' bytes are copied into, for one loop, and the count of all that it costs
// that clients lag: blocks, the slices that wait for them, and what it takes to remember both.
class BacklogStore {
 public:
  explicit BacklogStore(std::size_t limit = Pages::no_limit) : limit_(limit) {}

  // Bytes of memory; blocks count with the whole of the unit they are in.
  std::size_t held() const { return pages_.used() + beside_; }
  // Whether so much more may be held.
  bool has_room(std::size_t bytes) const { return held() + bytes <= limit_; }
  std::size_t limit() const { return limit_; }
  Pages& pages() { return pages_; }

  // Other memory that is held because clients lag: malloc's.
  void charge(std::size_t bytes) { beside_ += bytes; }
  void discharge(std::size_t bytes) {
    beside_ -= bytes;
    freed_ += bytes;
  }
  // So much of that was freed that it is worth telling malloc, which keeps it otherwise.
  bool wants_trim() const { return freed_ >= worth_trimming; }
  void trim() noexcept;

 private:
  static constexpr std::size_t worth_trimming = 4 * 1024 * 1024;

  Pages pages_;
  std::size_t limit_;
  std::size_t beside_ = 0;
  std::size_t freed_ = 0;  // of that, since malloc was trimmed
};

// A part of a file that is to be sent.
struct FilePart {
  OpenFile file{};
  std::uint64_t offset = 0;
  std::size_t count = 0;
};

// All that is to be sent to one client, in its order: rooms, replies, pings. It holds slices: of a tape
// (valid until the flush is over; then `keep` copies what has not left), of memory of its own, or with an
// owner; and parts of files. An idle one is its 24 bytes.
class Outbox {
 public:
  Outbox() = default;
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Whatever is added either is, or std::bad_alloc is thrown and nothing has changed.

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
  // Bytes with an owner, which is kept until they are sent.
  void append(Slice slice);
  // A large text: copies all but the first `skipped` bytes of the pieces, which are one.
  void append_text(std::span<const std::string_view> pieces, std::size_t skipped, BacklogStore& store);
  void append(FilePart part);

  bool empty() const { return last_size_ == 0 && waiting_ == nullptr; }
  // Bytes, those of files included.
  std::size_t size() const { return last_size_ + (waiting_ == nullptr ? 0 : waiting_->size); }
  // How far the client is behind: the bytes that were copied for it, but for a text that is on its way.
  std::size_t behind() const { return waiting_ == nullptr ? 0 : waiting_->copied - waiting_->text_left; }
  // What it costs that they do, in bytes of memory.
  std::size_t held() const { return waiting_ == nullptr ? 0 : waiting_->in_blocks + waiting_->charged; }
  // What `keep` would add to that, about.
  std::size_t to_keep() const;
  bool has_file() const { return waiting_ != nullptr && waiting_->in_files != 0; }

  // Adds what stands before the first file to `pieces`, but no more than one write is worth: large pieces by
  // reference, small ones that stand side by side gathered on `scratch`. Answers the bytes in all.
  std::size_t gather(Tape& scratch, std::vector<std::string_view>& pieces) const;
  // What comes first, where that is a file.
  const FilePart* first_file() const;
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
  // Adds what stands first to `pieces`, by reference, at most so many bytes of it and none of a file. Answers
  // how many.
  std::size_t show(std::size_t most, std::vector<std::string_view>& pieces) const;
  // The first bytes go to the end of `other`: by reference, but for a part of a block, which is copied onto
  // `scratch`.
  void move_to(Outbox& other, std::size_t count, Tape& scratch, BacklogStore& store);
  void swap(Outbox& other) noexcept;
  // Copies what stands on a tape into memory of its own, and charges the store with all that is held. When it
  // throws std::bad_alloc a part was copied, and it may be called again.
  void keep(BacklogStore& store);
  void clear(BacklogStore& store);

  // Which of the flusher's epochs its write in flight has pinned, and how many of its bytes. 0: none but the
  // present one. Set only with something in it.
  std::uint64_t epoch() const { return waiting_ == nullptr ? 0 : waiting_->epoch; }
  std::size_t pinned() const { return waiting_->pinned; }
  void set_epoch(std::uint64_t epoch, std::size_t pinned) {
    if (waiting_ == nullptr) push_last();
    waiting_->epoch = epoch;
    waiting_->pinned = pinned;
  }
  void end_epoch() {
    if (waiting_ != nullptr) waiting_->epoch = 0;
  }

 private:
  struct Piece {
    enum class Place : std::uint8_t { tape, block, text, slice, file };

    Slice bytes{};
    std::unique_ptr<FilePart> file{};
    char* block = nullptr;  // also of a text
    std::uint32_t block_size = 0;
    Place place = Place::tape;
    bool ends_text = false;

    std::size_t size() const { return file == nullptr ? bytes.size() : file->count; }
  };
  // What there is before the last slice.
  struct Waiting {
    std::vector<Piece> pieces{};
    std::size_t first = 0;    // those before it have left
    std::size_t size = 0;     // bytes of all pieces
    std::size_t on_tape = 0;  // of them
    std::size_t copied = 0;   // in blocks and texts
    std::size_t in_files = 0;
    std::size_t text_left = 0;  // of the text that comes first
    std::size_t owned = 0;      // of slices whose owner is somebody, and files: memory that we hold
    std::size_t looked_at = 0;  // pieces of which none is on a tape, from the first on
    std::size_t gone = 0;       // bytes of the first piece that have left: it still holds them
    std::size_t in_blocks = 0;  // their size
    std::size_t charged = 0;    // what the store was told of this, blocks apart
    std::uint64_t epoch = 0;
    std::size_t pinned = 0;

    std::size_t beside_blocks() const;
  };

  // With room for that many more pieces.
  Waiting& waiting(std::size_t more);
  void push_last();
  void add(Piece piece);
  // Answers how many bytes are still to be dropped, behind what has waited.
  std::size_t consume_waiting(std::size_t count, BacklogStore& store);
  // Copies from the front of `bytes`, which is cut by what was copied. `kept_free`: places of pieces that
  // must be left free.
  void copy(std::string_view& bytes, Piece::Place as, std::size_t kept_free, BacklogStore& store);
  void take_block(const Piece& from);
  void drop_first(std::size_t count, BacklogStore& store);
  void charge(BacklogStore& store);
  void note_first();

  const char* last_ = nullptr;
  std::unique_ptr<Waiting> waiting_;
  std::uint32_t last_size_ = 0;
};

static_assert(sizeof(Outbox) == 24);  // 20, and 4 that its owner may use

}  // namespace parley
