#include "parley/process/pages.h"

#include <bit>
#include <cassert>
#include <memory>
#include <new>
#include <sys/mman.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define PARLEY_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PARLEY_POISONS 1
#endif
#endif
#ifdef PARLEY_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace parley {

namespace {

constexpr std::uint16_t all_free = 0xffff;
constexpr std::uint16_t all_free_of_first = 0xfffe;  // its first KiB is the piece's own
constexpr std::size_t spare_units = 64;              // kept for what comes next: 1 MiB ...
constexpr std::size_t spare_part = 32;               // ... and this part of what is in use

// AddressSanitizer is told what is free, so that it finds whoever uses that.
void poison([[maybe_unused]] const char* at, [[maybe_unused]] std::size_t size) {
#ifdef PARLEY_POISONS
  ASAN_POISON_MEMORY_REGION(at, size);
#endif
}
void unpoison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t size) {
#ifdef PARLEY_POISONS
  ASAN_UNPOISON_MEMORY_REGION(at, size);
#endif
}

// 0 for the smallest.
unsigned class_of(std::size_t size) {
  return static_cast<unsigned>(std::countr_zero(size / Pages::smallest));
}

// Where in a unit, of which these KiB are free, a block of a class may begin: a bit for each such place.
std::uint32_t places(std::uint32_t free, unsigned size_class) {
  constexpr std::uint32_t aligned[] = {0xffff, 0x5555, 0x1111, 0x0101, 0x0001};
  for (unsigned step = 0; step < size_class; ++step) free &= free >> (1U << step);
  return free & aligned[size_class];
}

}  // namespace

struct Pages::Piece {
  std::size_t index;
  std::uint64_t clean;                      // units that are free and have no memory behind them
  std::uint64_t whole;                      // units that are free
  std::array<std::uint64_t, classes> room;  // by class: units that have room for a block
  std::array<std::uint16_t, units> free;    // of each unit, which KiB are

  void look_at(std::size_t unit) {
    const std::uint64_t bit = std::uint64_t{1} << unit;
    for (unsigned i = 0; i < classes; ++i) {
      room[i] = places(free[unit], i) != 0 ? room[i] | bit : room[i] & ~bit;
    }
    whole = free[unit] == all_free ? whole | bit : whole & ~bit;
  }
  bool empty() const { return (whole | 1U) == ~std::uint64_t{0} && free[0] == all_free_of_first; }
  char* memory() { return reinterpret_cast<char*>(this); }
};

Pages::~Pages() {
  for (Piece* const piece : pieces_) {
    if (piece != nullptr) unmap(piece);
  }
}

// Aligned to its size, so that a block's address tells its piece.
Pages::Piece* Pages::map() {
  static_assert(sizeof(Piece) <= smallest);
  if (mapped() + piece_bytes > limit_) throw std::bad_alloc();
  std::size_t index = 0;
  while (index < pieces_.size() && pieces_[index] != nullptr) ++index;
  if (index == pieces_.size()) {
    for (auto& bits : with_room_) bits.resize(index / 64 + 1);
    pieces_.push_back(nullptr);
  }
  void* const mapped =
      ::mmap(nullptr, 2 * piece_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  void* aligned = mapped;
  std::size_t room = 2 * piece_bytes;
  std::align(piece_bytes, piece_bytes, aligned, room);
  char* const begin = static_cast<char*>(mapped);
  char* const memory = static_cast<char*>(aligned);
  if (memory != begin) ::munmap(begin, static_cast<std::size_t>(memory - begin));
  char* const end = memory + piece_bytes;
  if (end != begin + 2 * piece_bytes) ::munmap(end, static_cast<std::size_t>(begin + 2 * piece_bytes - end));
  auto* const piece = ::new (aligned) Piece{};
  piece->index = index;
  piece->free.fill(all_free);
  piece->free[0] = all_free_of_first;
  for (std::size_t unit = 0; unit < units; ++unit) piece->look_at(unit);
  piece->clean = piece->whole;
  poison(memory + smallest, piece_bytes - smallest);
  pieces_[index] = piece;
  ++mapped_;
  ++used_units_;  // the first, for as long as the piece is there
  note(*piece);
  return piece;
}

void Pages::unmap(Piece* piece) noexcept {
  const std::size_t index = piece->index;
  kept_units_ -= static_cast<std::size_t>(std::popcount(piece->whole & ~piece->clean));
  --used_units_;
  if (spare_ == piece) spare_ = nullptr;
  for (auto& bits : with_room_) bits[index / 64] &= ~(std::uint64_t{1} << index % 64);
  pieces_[index] = nullptr;
  --mapped_;
  unpoison(piece, piece_bytes);
  ::munmap(piece, piece_bytes);
}

void Pages::note(const Piece& piece) noexcept {
  const std::uint64_t bit = std::uint64_t{1} << piece.index % 64;
  for (unsigned i = 0; i < classes; ++i) {
    std::uint64_t& bits = with_room_[i][piece.index / 64];
    bits = piece.room[i] != 0 ? bits | bit : bits & ~bit;
  }
}

// The first piece that has room, and there a unit that is in use already, or else one that has memory.
char* Pages::take(std::size_t size) {
  assert(std::has_single_bit(size) && size >= smallest && size <= largest);
  const unsigned size_class = class_of(size);
  const auto& bits = with_room_[size_class];
  std::size_t word = 0;
  while (word < bits.size() && bits[word] == 0) ++word;
  Piece* const piece = word == bits.size()
                           ? map()
                           : pieces_[64 * word + static_cast<std::size_t>(std::countr_zero(bits[word]))];
  if (piece == spare_) spare_ = nullptr;
  std::uint64_t choice = piece->room[size_class];
  if ((choice & ~piece->whole) != 0) {
    choice &= ~piece->whole;
  } else if ((choice & ~piece->clean) != 0) {
    choice &= ~piece->clean;
  }
  const auto unit = static_cast<std::size_t>(std::countr_zero(choice));
  const std::uint64_t bit = std::uint64_t{1} << unit;
  if ((piece->whole & bit) != 0) {
    ++used_units_;
    if ((piece->clean & bit) == 0) --kept_units_;
    piece->clean &= ~bit;
  }
  const auto place = static_cast<unsigned>(std::countr_zero(places(piece->free[unit], size_class)));
  const std::uint32_t taken = ((1U << (1U << size_class)) - 1) << place;
  piece->free[unit] = static_cast<std::uint16_t>(piece->free[unit] & ~taken);
  piece->look_at(unit);
  note(*piece);
  char* const block = piece->memory() + unit * largest + place * smallest;
  unpoison(block, size);
  return block;
}

void Pages::give_back(char* block, std::size_t size) noexcept {
  poison(block, size);
  const std::size_t at = reinterpret_cast<std::uintptr_t>(block) % piece_bytes;
  auto* const piece = std::launder(reinterpret_cast<Piece*>(block - at));
  const std::size_t unit = at / largest;
  const std::uint32_t given = ((1U << (1U << class_of(size))) - 1) << (at % largest / smallest);
  assert((piece->free[unit] & given) == 0);
  piece->free[unit] = static_cast<std::uint16_t>(piece->free[unit] | given);
  piece->look_at(unit);
  note(*piece);
  if (unit != 0) {
    if (piece->free[unit] != all_free) return;
    --used_units_;
    ++kept_units_;
  }
  if (piece->empty()) {
    if (spare_ == nullptr) {
      spare_ = piece;
    } else {
      unmap(piece);
    }
  }
  if (kept_units_ > spare_units + used_units_ / spare_part) trim();
}

// Once so much is free that it is worth the calls, all of it goes: whole pieces, and otherwise the memory
// behind their free units.
void Pages::trim() noexcept {
  for (Piece* const piece : pieces_) {
    if (piece == nullptr) continue;
    if (piece->empty()) {
      unmap(piece);
      continue;
    }
    std::uint64_t idle = piece->whole & ~piece->clean;
    kept_units_ -= static_cast<std::size_t>(std::popcount(idle));
    piece->clean |= idle;
    while (idle != 0) {
      const int first = std::countr_zero(idle);
      const int count = std::countr_one(idle >> first);
      (void)::madvise(piece->memory() + static_cast<std::size_t>(first) * largest,
                      static_cast<std::size_t>(count) * largest, MADV_DONTNEED);
      idle &= ~((count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1) << first);
    }
  }
}

void trim_heap() noexcept {
#ifdef __GLIBC__
  (void)::malloc_trim(0);
#endif
}

}  // namespace parley
