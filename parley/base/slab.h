#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace parley {

// Room for many objects of one type, in blocks of `PerBlock`: addresses are stable, nothing is ever
// doubled or moved, and a place that was given back is used again, the latest first. Blocks are kept
// until the slab goes. The objects that are still there then are not destroyed: their owner's task.
template <class T, std::size_t PerBlock = 1024>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // Memory for one object, not constructed yet, and its index: small numbers, each in use once.
  std::pair<void*, std::uint32_t> allocate() {
    std::uint32_t index = free_;
    if (index != none) {
      free_ = cell(index).next;
    } else {
      index = used_;
      if (index % PerBlock == 0) blocks_.push_back(std::make_unique_for_overwrite<Cell[]>(PerBlock));
      ++used_;
    }
    ++size_;
    return {cell(index).storage, index};
  }

  // Takes back the memory of an object that has been destroyed.
  void release(std::uint32_t index) {
    assert(size_ > 0);
    cell(index).next = free_;
    free_ = index;
    --size_;
  }

  // The object of that index; it must be there.
  T& operator[](std::uint32_t index) { return *std::launder(reinterpret_cast<T*>(cell(index).storage)); }
  const T& operator[](std::uint32_t index) const {
    return *std::launder(reinterpret_cast<const T*>(cell(index).storage));
  }

  // The index of an object that stands in it. It takes a step for each block.
  std::uint32_t index_of(const T& object) const {
    const auto* const wanted = reinterpret_cast<const Cell*>(&object);
    const std::less<const Cell*> before;
    std::uint32_t first = 0;
    for (const auto& block : blocks_) {
      if (!before(wanted, block.get()) && before(wanted, block.get() + PerBlock)) {
        return first + static_cast<std::uint32_t>(wanted - block.get());
      }
      first += PerBlock;
    }
    assert(false && "it stands elsewhere");
    return none;
  }

  // How many are in use, and the index that none has reached yet.
  std::size_t size() const { return size_; }
  std::uint32_t end() const { return used_; }

 private:
  static constexpr std::uint32_t none = 0xffffffff;

  union Cell {
    Cell() {}
    alignas(T) std::byte storage[sizeof(T)];
    std::uint32_t next;
  };

  Cell& cell(std::uint32_t index) { return blocks_[index / PerBlock][index % PerBlock]; }
  const Cell& cell(std::uint32_t index) const { return blocks_[index / PerBlock][index % PerBlock]; }

  std::vector<std::unique_ptr<Cell[]>> blocks_;
  std::uint32_t free_ = none;
  std::uint32_t used_ = 0;
  std::size_t size_ = 0;
};

}  // namespace parley
