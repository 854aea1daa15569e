#include "parley/base/print.h"

#include <algorithm>
#include <charconv>
#include <ostream>

namespace parley {

namespace {
constexpr std::size_t digits = 24;  // a sign and the 20 digits of 2^64, rounded up
}

void Writer::put_number(std::int64_t number) {
  if (room() < digits) grow(digits);
  at_ = std::to_chars(at_, end_, number).ptr;
}

void Writer::put_number(std::uint64_t number) {
  if (room() < digits) grow(digits);
  at_ = std::to_chars(at_, end_, number).ptr;
}

void TextWriter::grow(std::size_t wanted) {
  const std::string_view before = text();
  const std::size_t used = before.size();
  std::string larger(std::max(used + wanted, 2 * used), '\0');
  std::copy(before.begin(), before.end(), larger.begin());
  spill_.swap(larger);
  at_ = spill_.data() + used;
  end_ = spill_.data() + spill_.size();
}

std::ostream& detail::stream_out(std::ostream& out, std::string_view text) {
  return out << text;
}

}  // namespace parley
