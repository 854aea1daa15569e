#include "parley/reactor/loop/outbox.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace parley {

namespace {
// A piece below this costs more as an entry of a gathered write than its copy does.
constexpr std::size_t gather_below = 1024;
// What one write is worth. The rest of a long queue is looked at when there is room for it.
constexpr std::size_t most_gathered = 256 * 1024;  // bytes that are copied for it
constexpr std::size_t most_pieces = 64;
// What malloc needs beside what it is asked for.
constexpr std::size_t malloc_overhead = 16;
// So many places of pieces are not worth being given back.
constexpr std::size_t few_places = 16;
// What keeps a slice's bytes alive, and what malloc needs for both.
constexpr std::size_t owner_bytes = 80;
constexpr std::size_t file_bytes = sizeof(FilePart) + malloc_overhead;
}  // namespace

void BacklogStore::trim() noexcept {
  trim_heap();
  freed_ = 0;
}

Outbox::~Outbox() = default;

std::size_t Outbox::Waiting::beside_blocks() const {
  return sizeof(Waiting) + malloc_overhead + pieces.capacity() * sizeof(Piece) + malloc_overhead + owned;
}

Outbox::Waiting& Outbox::waiting(std::size_t more) {
  if (waiting_ == nullptr) {
    auto made = std::make_unique<Waiting>();
    made->pieces.reserve(std::max<std::size_t>(more, 2));
    waiting_ = std::move(made);
    return *waiting_;
  }
  std::vector<Piece>& pieces = waiting_->pieces;
  if (pieces.capacity() - pieces.size() < more) {
    pieces.reserve(pieces.size() + std::max(more, pieces.size() / 2 + 2));
  }
  return *waiting_;
}

// After `waiting` has made room for it.
void Outbox::add(Piece piece) {
  waiting_->size += piece.size();
  waiting_->pieces.push_back(std::move(piece));
}

// Only when a second slice comes: until then a client costs no memory but its outbox.
void Outbox::push_last() {
  waiting(1).on_tape += last_size_;
  add({.bytes = Slice({last_, last_size_}, nullptr)});
  last_size_ = 0;
}

void Outbox::append(Slice slice) {
  if (slice.empty()) return;
  waiting(2);
  if (last_size_ != 0) push_last();
  if (slice.owned()) waiting_->owned += slice.size() + owner_bytes;
  add({.bytes = std::move(slice), .place = Piece::Place::slice});
}

void Outbox::append(FilePart part) {
  if (part.count == 0) return;
  auto file = std::make_unique<FilePart>(std::move(part));
  waiting(2);
  if (last_size_ != 0) push_last();
  waiting_->in_files += file->count;
  waiting_->owned += file_bytes;
  Piece piece{.place = Piece::Place::file};
  piece.file = std::move(file);
  add(std::move(piece));
}

void Outbox::append_text(std::span<const std::string_view> pieces, std::size_t skipped, BacklogStore& store) {
  std::size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  if (total <= skipped) return;
  const bool waited = waiting_ != nullptr;
  waiting((total - skipped) / Pages::largest + 2);
  if (last_size_ != 0) push_last();
  const std::size_t before = waiting_->pieces.size();
  try {
    for (std::string_view piece : pieces) {
      const std::size_t gone = std::min(skipped, piece.size());
      piece.remove_prefix(gone);
      skipped -= gone;
      while (!piece.empty()) copy(piece, Piece::Place::text, 0, store);
    }
  } catch (...) {
    std::vector<Piece>& all = waiting_->pieces;
    while (all.size() > before) {
      Piece& last = all.back();
      waiting_->size -= last.size();
      waiting_->copied -= last.size();
      waiting_->in_blocks -= last.block_size;
      store.pages().give_back(last.block, last.block_size);
      all.pop_back();
    }
    if (!waited && all.empty()) waiting_.reset();
    throw;
  }
  waiting_->pieces.back().ends_text = true;
  charge(store);
  note_first();
}

// A text that has come to the front is on its way.
void Outbox::note_first() {
  Waiting& w = *waiting_;
  if (w.text_left != 0 || w.first == w.pieces.size()) return;
  for (std::size_t i = w.first; i < w.pieces.size() && w.pieces[i].place == Piece::Place::text; ++i) {
    w.text_left += w.pieces[i].size();
    if (w.pieces[i].ends_text) break;
  }
}

std::size_t Outbox::to_keep() const {
  if (waiting_ == nullptr) return last_size_;
  const Waiting& w = *waiting_;
  return last_size_ + w.on_tape + w.beside_blocks() - std::min(w.beside_blocks(), w.charged);
}

std::size_t Outbox::gather(Tape& scratch, std::vector<std::string_view>& pieces) const {
  if (waiting_ == nullptr) {
    if (last_size_ != 0) pieces.emplace_back(last_, last_size_);
    return last_size_;
  }
  std::size_t total = 0;
  std::size_t gathered = 0;
  bool gathering = false;
  const auto add = [&](std::string_view bytes) {
    total += bytes.size();
    if (bytes.size() >= gather_below) {
      pieces.push_back(bytes);
      gathering = false;
      return;
    }
    gathered += bytes.size();
    const std::string_view copied = scratch.append(bytes);
    if (gathering && pieces.back().data() + pieces.back().size() == copied.data()) {
      pieces.back() = {pieces.back().data(), pieces.back().size() + copied.size()};
    } else {
      pieces.push_back(copied);
      gathering = true;
    }
  };
  for (std::size_t i = waiting_->first; i < waiting_->pieces.size(); ++i) {
    const Piece& piece = waiting_->pieces[i];
    if (piece.place == Piece::Place::file) return total;
    if (gathered >= most_gathered || pieces.size() >= most_pieces) return total;
    add(piece.bytes.view());
  }
  if (last_size_ != 0) add({last_, last_size_});
  return total;
}

const FilePart* Outbox::first_file() const {
  return waiting_ == nullptr ? nullptr : waiting_->pieces[waiting_->first].file.get();
}

// So many bytes of the first piece have left.
void Outbox::drop_first(std::size_t count, BacklogStore& store) {
  Waiting& w = *waiting_;
  Piece& piece = w.pieces[w.first];
  const bool whole = count == piece.size();
  const std::size_t held = w.gone + piece.size();
  w.gone = whole ? 0 : w.gone + count;
  w.size -= count;
  switch (piece.place) {
    case Piece::Place::tape:
      w.on_tape -= count;
      break;
    case Piece::Place::text:
      w.text_left -= count;
      [[fallthrough]];
    case Piece::Place::block:
      w.copied -= count;
      if (whole) {
        w.in_blocks -= piece.block_size;
        if (piece.block_size != 0) store.pages().give_back(piece.block, piece.block_size);
      }
      break;
    case Piece::Place::slice:
      if (whole && piece.bytes.owned()) w.owned -= held + owner_bytes;
      break;
    case Piece::Place::file:
      w.in_files -= count;
      if (whole) w.owned -= file_bytes;
      piece.file->offset += count;
      piece.file->count -= count;
      break;
  }
  if (whole) {
    piece = Piece();
    ++w.first;
    note_first();
  } else if (piece.place != Piece::Place::file) {
    piece.bytes.remove_prefix(count);
  }
}

std::size_t Outbox::consume_waiting(std::size_t count, BacklogStore& store) {
  Waiting& w = *waiting_;
  while (w.first < w.pieces.size()) {
    const std::size_t gone = std::min(count, w.pieces[w.first].size());
    if (gone == 0) {
      if (w.first > few_places && w.first > w.pieces.size() / 2) {
        w.pieces.erase(w.pieces.begin(), w.pieces.begin() + static_cast<std::ptrdiff_t>(w.first));
        w.looked_at -= std::min(w.looked_at, w.first);
        w.first = 0;
      }
      if (w.charged != 0) charge(store);
      return 0;
    }
    drop_first(gone, store);
    count -= gone;
  }
  // So that an idle outbox owns no memory.
  const std::size_t charged = w.charged;
  waiting_.reset();
  store.discharge(charged);
  return count;
}

std::size_t Outbox::show(std::size_t most, std::vector<std::string_view>& pieces) const {
  std::size_t left = most;
  const auto add = [&](std::string_view bytes) {
    if (left == 0 || bytes.empty()) return;
    pieces.push_back(bytes.substr(0, left));
    left -= pieces.back().size();
  };
  if (waiting_ != nullptr) {
    for (std::size_t i = waiting_->first; i < waiting_->pieces.size() && left != 0; ++i) {
      if (waiting_->pieces[i].place == Piece::Place::file) return most - left;
      add(waiting_->pieces[i].bytes.view());
    }
  }
  add({last_, last_size_});
  return most - left;
}

void Outbox::move_to(Outbox& other, std::size_t count, Tape& scratch, BacklogStore& store) {
  while (waiting_ != nullptr && count != 0) {
    Piece& front = waiting_->pieces[waiting_->first];
    const std::size_t size = std::min(count, front.size());
    const std::string_view bytes = front.bytes.view().substr(0, size);
    if (front.place == Piece::Place::tape) {
      other.append(bytes);
    } else if (front.place == Piece::Place::slice) {
      other.append(front.bytes.part(bytes));
    } else if (front.place == Piece::Place::file) {
      other.append(FilePart{front.file->file, front.file->offset, size});
    } else if (size < front.size()) {
      other.append(scratch.append(bytes));
    } else {
      other.take_block(front);
      waiting_->in_blocks -= front.block_size;
      front.block_size = 0;  // what is left of it gives nothing back
    }
    consume_waiting(size, store);
    count -= size;
  }
  if (waiting_ != nullptr || count == 0) return;
  const std::string_view bytes(last_, std::min<std::size_t>(count, last_size_));
  if (bytes.empty()) return;
  other.append(bytes);
  last_ += bytes.size();
  last_size_ -= static_cast<std::uint32_t>(bytes.size());
}

void Outbox::take_block(const Piece& from) {
  waiting(2);
  if (last_size_ != 0) push_last();
  waiting_->copied += from.bytes.size();
  waiting_->in_blocks += from.block_size;
  add({.bytes = from.bytes,
       .block = from.block,
       .block_size = from.block_size,
       .place = from.place,
       .ends_text = from.ends_text});
  waiting_->text_left = 0;  // it may be the rest of the text that comes first
  note_first();
}

void Outbox::swap(Outbox& other) noexcept {
  std::swap(last_, other.last_);
  std::swap(waiting_, other.waiting_);
  std::swap(last_size_, other.last_size_);
}

void Outbox::copy(std::string_view& bytes, Piece::Place as, std::size_t kept_free, BacklogStore& store) {
  Waiting& w = *waiting_;
  const auto room_of = [](const Piece& piece) {
    return static_cast<std::size_t>(piece.block + piece.block_size -
                                    (piece.bytes.data() + piece.bytes.size()));
  };
  const bool goes_on = w.first < w.pieces.size() && w.pieces.back().place == as && !w.pieces.back().ends_text;
  if (!goes_on || room_of(w.pieces.back()) == 0) {
    // Blocks begin small, since most are never filled, and grow.
    const std::size_t larger = goes_on ? 2 * std::size_t{w.pieces.back().block_size} : Pages::smallest;
    const std::size_t size = std::min(Pages::largest, std::max(larger, std::bit_ceil(bytes.size())));
    waiting(1 + kept_free);
    char* const block = store.pages().take(size);
    w.in_blocks += size;
    add({.bytes = Slice({block, 0}, nullptr),
         .block = block,
         .block_size = static_cast<std::uint32_t>(size),
         .place = as});
  }
  Piece& last = w.pieces.back();
  const std::string_view before = last.bytes.view();
  const std::size_t count = std::min(bytes.size(), room_of(last));
  std::memcpy(last.block + last.block_size - room_of(last), bytes.data(), count);
  last.bytes = Slice({before.data(), before.size() + count}, nullptr);
  w.size += count;
  w.copied += count;
  bytes.remove_prefix(count);
}

void Outbox::keep(BacklogStore& store) {
  if (empty()) return;
  if (last_size_ != 0) push_last();
  Waiting& w = *waiting_;
  if (w.on_tape == 0) {
    w.looked_at = w.pieces.size();
    return charge(store);
  }
  const auto on_tape = [](const Piece& piece) { return piece.place == Piece::Place::tape; };
  const auto from = static_cast<std::ptrdiff_t>(std::max(w.first, w.looked_at));
  const auto first = std::find_if(w.pieces.begin() + from, w.pieces.end(), on_tape);
  // From the first piece that must be copied on, all are put in again, so that their order stays.
  std::vector<Piece> rest;
  rest.reserve(static_cast<std::size_t>(w.pieces.end() - first));
  rest.assign(std::make_move_iterator(first), std::make_move_iterator(w.pieces.end()));
  w.pieces.erase(first, w.pieces.end());
  std::size_t next = 0;
  const auto put_in_again = [&] {
    w.size -= rest[next].size();
    add(std::move(rest[next]));
    ++next;
  };
  try {
    for (; next < rest.size();) {
      Piece& piece = rest[next];
      if (!on_tape(piece)) {
        put_in_again();
        continue;
      }
      while (!piece.bytes.empty()) {
        std::string_view bytes = piece.bytes.view();
        copy(bytes, Piece::Place::block, rest.size() - next, store);
        const std::size_t copied = piece.bytes.size() - bytes.size();
        piece.bytes.remove_prefix(copied);
        w.size -= copied;
        w.on_tape -= copied;
      }
      ++next;
    }
    w.looked_at = w.pieces.size();
  } catch (...) {  // there is a place for each of them
    while (next < rest.size()) put_in_again();
    charge(store);
    throw;
  }
  charge(store);
}

// Tells the store what this costs.
void Outbox::charge(BacklogStore& store) {
  const std::size_t now = waiting_->beside_blocks();
  const std::size_t before = std::exchange(waiting_->charged, now);
  now >= before ? store.charge(now - before) : store.discharge(before - now);
}

void Outbox::clear(BacklogStore& store) {
  consume(static_cast<std::size_t>(-1), store);
  last_ = nullptr;
}

}  // namespace parley
