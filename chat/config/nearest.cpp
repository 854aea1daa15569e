#include "chat/config/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace chat {

std::size_t distance(std::string_view one, std::string_view other) {
  // row[j]: the distance of what was seen of `one` to the first j letters of `other`.
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t changed = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace chat
