#include "parley/reactor/loop/outbox.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace parley {

namespace {
// A piece below this costs more as an entry of a gathered write than its copy does.
constexpr std::size_t gather_below = 1024;
}  // namespace

BacklogStore::Block BacklogStore::take() {
  if (spare_.empty()) return std::make_unique_for_overwrite<char[]>(block_bytes);
  Block block = std::move(spare_.back());
  spare_.pop_back();
  return block;
}

// What a burst has needed beyond that goes back to the system.
void BacklogStore::give_back(Block block) {
  if (spare_.size() < spare_blocks) spare_.push_back(std::move(block));
}

Outbox::~Outbox() = default;

Outbox::Waiting& Outbox::waiting() {
  if (waiting_ == nullptr) waiting_ = std::make_unique<Waiting>();
  return *waiting_;
}

// Only when a second slice comes: until then a client costs no memory but its outbox.
void Outbox::push_last() {
  waiting().pieces.push_back({.bytes = {last_, last_size_}, .place = Piece::Place::tape});
  last_size_ = 0;
}

void Outbox::append(Slice slice, bool counts, BacklogStore& store) {
  if (slice.empty()) return;
  if (last_size_ != 0) push_last();
  Waiting& w = waiting();
  const std::string_view bytes = slice.view();
  if (counts) w.copied += bytes.size();
  w.kept += bytes.size();
  store.queued_ += bytes.size();
  w.pieces.push_back({.bytes = bytes,
                      .place = counts ? Piece::Place::text : Piece::Place::slice,
                      .owner = std::move(slice)});
}

std::size_t Outbox::behind() const {
  if (waiting_ == nullptr) return 0;
  const Piece& front = waiting_->pieces.front();
  return waiting_->copied - (front.place == Piece::Place::text ? front.bytes.size() : 0);
}

std::size_t Outbox::size() const {
  std::size_t total = last_size_;
  if (waiting_ != nullptr) {
    for (const Piece& piece : waiting_->pieces) total += piece.bytes.size();
  }
  return total;
}

std::size_t Outbox::gather(Tape& scratch, std::vector<std::string_view>& pieces) const {
  if (waiting_ == nullptr) {
    if (last_size_ != 0) pieces.emplace_back(last_, last_size_);
    return last_size_;
  }
  std::size_t total = 0;
  bool gathering = false;
  const auto add = [&](std::string_view bytes) {
    total += bytes.size();
    if (bytes.size() >= gather_below) {
      pieces.push_back(bytes);
      gathering = false;
      return;
    }
    const std::string_view copied = scratch.append(bytes);
    if (gathering && pieces.back().data() + pieces.back().size() == copied.data()) {
      pieces.back() = {pieces.back().data(), pieces.back().size() + copied.size()};
    } else {
      pieces.push_back(copied);
      gathering = true;
    }
  };
  for (const Piece& piece : waiting_->pieces) add(piece.bytes);
  if (last_size_ != 0) add({last_, last_size_});
  return total;
}

void Outbox::release(Piece& piece, std::size_t count, BacklogStore& store) {
  piece.bytes.remove_prefix(count);
  if (piece.place == Piece::Place::tape) return;  // nobody's copy: it was not counted
  if (piece.place != Piece::Place::slice) waiting_->copied -= count;
  waiting_->kept -= count;
  store.queued_ -= count;
}

std::size_t Outbox::consume_waiting(std::size_t count, BacklogStore& store) {
  std::deque<Piece>& pieces = waiting_->pieces;
  while (!pieces.empty()) {
    Piece& front = pieces.front();
    const std::size_t gone = std::min(count, front.bytes.size());
    release(front, gone, store);
    count -= gone;
    if (!front.bytes.empty()) return 0;
    if (front.place == Piece::Place::block) store.give_back(std::move(front.block));
    pieces.pop_front();
  }
  // So that an idle outbox owns no memory.
  waiting_.reset();
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
    for (auto piece = waiting_->pieces.begin(); piece != waiting_->pieces.end() && left != 0; ++piece) {
      add(piece->bytes);
    }
  }
  add({last_, last_size_});
  return most - left;
}

void Outbox::move_to(Outbox& other, std::size_t count, Tape& scratch, BacklogStore& store) {
  while (waiting_ != nullptr && count != 0) {
    Piece& front = waiting_->pieces.front();
    const std::size_t size = std::min(count, front.bytes.size());
    const std::string_view bytes = front.bytes.substr(0, size);
    if (front.place == Piece::Place::tape) {
      other.append(bytes);
    } else if (front.place == Piece::Place::block && size == front.bytes.size()) {
      if (other.last_size_ != 0) other.push_last();
      Waiting& w = other.waiting();
      w.copied += size;
      w.kept += size;
      store.queued_ += size;
      w.pieces.push_back({.bytes = bytes,
                          .place = front.place,
                          .block_used = front.block_used,
                          .block = std::move(front.block)});
      front.place = Piece::Place::text;  // counted as the block was, and without one
    } else if (front.place == Piece::Place::block) {
      other.append(scratch.append(bytes));
    } else {
      other.append(front.owner.part(bytes), front.place == Piece::Place::text, store);
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

void Outbox::swap(Outbox& other) noexcept {
  std::swap(last_, other.last_);
  std::swap(waiting_, other.waiting_);
  std::swap(last_size_, other.last_size_);
}

void Outbox::copy(Waiting& into, std::string_view bytes, BacklogStore& store) {
  into.copied += bytes.size();
  into.kept += bytes.size();
  store.queued_ += bytes.size();
  while (!bytes.empty()) {
    if (into.pieces.empty() || into.pieces.back().place != Piece::Place::block ||
        into.pieces.back().block_used == BacklogStore::block_bytes) {
      BacklogStore::Block block = store.take();
      const char* const start = block.get();
      into.pieces.push_back({.bytes = {start, 0}, .place = Piece::Place::block, .block = std::move(block)});
    }
    Piece& last = into.pieces.back();
    const std::size_t count = std::min(bytes.size(), BacklogStore::block_bytes - last.block_used);
    std::memcpy(last.block.get() + last.block_used, bytes.data(), count);
    last.block_used += count;
    last.bytes = {last.bytes.data(), last.bytes.size() + count};
    bytes.remove_prefix(count);
  }
}

void Outbox::keep(BacklogStore& store) {
  if (empty()) return;
  if (last_size_ != 0) push_last();
  Waiting& w = *waiting_;
  const auto on_tape = [](const Piece& piece) { return piece.place == Piece::Place::tape; };
  const auto first = std::find_if(w.pieces.begin(), w.pieces.end(), on_tape);
  if (first == w.pieces.end()) return;
  // From the first piece that must be copied on, all are put in again, so that their order stays.
  std::deque<Piece> rest(std::make_move_iterator(first), std::make_move_iterator(w.pieces.end()));
  w.pieces.erase(first, w.pieces.end());
  for (Piece& piece : rest) {
    if (on_tape(piece)) {
      copy(w, piece.bytes, store);
    } else {
      w.pieces.push_back(std::move(piece));
    }
  }
}

void Outbox::clear(BacklogStore& store) {
  consume(static_cast<std::size_t>(-1), store);
  last_ = nullptr;
}

}  // namespace parley
