#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "chat/hall/ids.h"
#include "parley/base/slab.h"

namespace chat {

// Rows in blocks, all constructed, addressed by small numbers that others give out. It grows by a block
// at a time, never moves a row, and never shrinks.
template <class Row>
class Rows {
 public:
  Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() {
    for (std::uint32_t i = 0; i < rows_.end(); ++i) rows_[i].~Row();
  }

  // How many there are: the rows are 0 to end() - 1.
  std::uint32_t end() const { return rows_.end(); }
  // Makes the row, and those before it, if they are not there. May throw std::bad_alloc.
  Row& grow_to(std::uint32_t index) {
    while (rows_.end() <= index) ::new (rows_.allocate().first) Row();
    return rows_[index];
  }
  Row& operator[](std::uint32_t index) { return rows_[index]; }
  const Row& operator[](std::uint32_t index) const { return rows_[index]; }

 private:
  parley::Slab<Row> rows_;
};

// Rows that are found by an Id, which the table gives: an id whose row is gone finds nothing, for ever.
template <class RowId, class Row>
class Table {
 public:
  // Thread: none of its own. May throw std::bad_alloc; then nothing has changed.
  RowId add(Row row) {
    const std::uint32_t index = free_ == none ? cells_.end() : free_;
    Cell& cell = cells_.grow_to(index);
    if (free_ != none) free_ = cell.next_free;
    cell.row = std::move(row);
    cell.next_free = in_use;
    ++size_;
    return {index, cell.generation};
  }

  // Null once the row is gone.
  Row* find(RowId id) {
    if (id.index >= cells_.end()) return nullptr;
    Cell& cell = cells_[id.index];
    return cell.next_free == in_use && cell.generation == id.generation ? &cell.row : nullptr;
  }

  // The row must be there.
  void remove(RowId id) {
    assert(find(id) != nullptr);
    Cell& cell = cells_[id.index];
    cell.row = Row();
    --size_;
    // A place whose numbers are used up is not given away again.
    if (++cell.generation == 0) {
      cell.next_free = none;
      return;
    }
    cell.next_free = free_;
    free_ = id.index;
  }

  std::size_t size() const { return size_; }

  // What one row costs, in bytes.
  static constexpr std::size_t row_size() { return sizeof(Cell); }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  static constexpr std::uint32_t in_use = 0xfffffffe;

  struct Cell {
    Row row;
    std::uint32_t generation = 0;
    std::uint32_t next_free = none;
  };

  Rows<Cell> cells_;
  std::uint32_t free_ = none;
  std::size_t size_ = 0;
};

}  // namespace chat
