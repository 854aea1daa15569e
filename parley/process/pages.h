#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley {

// Blocks of memory, whose size is a power of two from 1 to 16 KiB, for what grows in a burst and is to go
// back to the system afterwards: malloc keeps much of such memory for itself. It is mapped in pieces of 1
// MiB; what is free of them is given back but for a small part. Blocks are taken where others are in use
// already, so that the rest becomes free as a whole. Thread: one at a time.
class Pages {
 public:
  static constexpr std::size_t smallest = 1024;
  static constexpr std::size_t largest = 16 * 1024;
  static constexpr std::size_t piece_bytes = 1024 * 1024;
  static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

  Pages() = default;
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  // Throws std::bad_alloc. What stands in it is undefined.
  char* take(std::size_t size);
  // What `take` has answered for that size.
  void give_back(char* block, std::size_t size) noexcept;

  // Memory of the system that is in use, and that is kept for what is taken next, in units of 16 KiB: a unit
  // is in use while a block of it is.
  std::size_t used() const { return used_units_ * largest; }
  std::size_t kept() const { return kept_units_ * largest; }
  // Address space, with and without memory behind it.
  std::size_t mapped() const { return mapped_ * piece_bytes; }
  // How much may be mapped: for tests of what becomes of whoever finds no memory.
  void set_limit(std::size_t bytes) { limit_ = bytes; }

 private:
  // The beginning of each piece, whose first KiB it has.
  struct Piece;
  static constexpr std::size_t units = piece_bytes / largest;
  static constexpr unsigned classes = 5;

  Piece* map();
  void unmap(Piece* piece) noexcept;
  void note(const Piece& piece) noexcept;
  void trim() noexcept;

  std::vector<Piece*> pieces_;  // by their index; null: a free place
  // By the class of a block: which pieces have room for one. A bit for each.
  std::array<std::vector<std::uint64_t>, classes> with_room_;
  Piece* spare_ = nullptr;  // one that is empty, if there is any
  std::size_t mapped_ = 0;  // pieces
  std::size_t used_units_ = 0;
  std::size_t kept_units_ = 0;
  std::size_t limit_ = no_limit;
};

// Has malloc give back to the system what it keeps without using it, where it can be told to. Thread: any.
void trim_heap() noexcept;

}  // namespace parley
