#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

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
  // May throw std::bad_alloc; then nothing has changed.
  RowId add(Row row) {
    if (free_.empty()) {
      cells_.grow_to(cells_.end());
      free_.push_back(cells_.end() - 1);
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Cell& cell = cells_[index];
    cell.row = std::move(row);
    ++cell.generation;
    ++size_;
    return {index, cell.generation};
  }

  // Null once the row is gone.
  Row* find(RowId id) {
    if (id.index >= cells_.end()) return nullptr;
    Cell& cell = cells_[id.index];
    return cell.in_use() && cell.generation == id.generation ? &cell.row : nullptr;
  }
  const Row* find(RowId id) const {
    if (id.index >= cells_.end()) return nullptr;
    const Cell& cell = cells_[id.index];
    return cell.in_use() && cell.generation == id.generation ? &cell.row : nullptr;
  }
  // A row that is there, by its index alone: tables refer to each other's rows in this way, and hold them.
  Row& at(std::uint32_t index) {
    assert(cells_[index].in_use());
    return cells_[index].row;
  }
  RowId id_of(std::uint32_t index) const { return {index, cells_[index].generation}; }

  // The row must be there.
  void remove(std::uint32_t index) {
    Cell& cell = cells_[index];
    assert(cell.in_use());
    cell.row = Row();
    --size_;
    // A place whose numbers are used up is not given away again.
    if (++cell.generation != 0) free_.push_back(index);
  }

  std::size_t size() const { return size_; }

  // What one row costs, in bytes.
  static constexpr std::size_t row_size() { return sizeof(Cell); }

 private:
  struct Cell {
    bool in_use() const { return generation % 2 == 1; }

    [[no_unique_address]] Row row;  // there is one for each client: the generation may use its padding
    std::uint32_t generation = 0;
  };

  Rows<Cell> cells_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace chat
