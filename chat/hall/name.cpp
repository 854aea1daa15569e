#include "chat/hall/name.h"

#include <cassert>
#include <limits>

namespace chat {

Name::Name(std::string_view text) {
  assert(text.size() <= std::numeric_limits<std::uint32_t>::max());
  if (text.size() <= last) {
    if (!text.empty()) std::memcpy(place_, text.data(), text.size());
    place_[last] = static_cast<char>(text.size());
    return;
  }
  const Elsewhere block{new char[text.size()], static_cast<std::uint32_t>(text.size())};
  std::memcpy(block.text, text.data(), text.size());
  std::memcpy(place_, &block, sizeof block);
  place_[last] = elsewhere;
}

Name::~Name() {
  if (!in_place()) delete[] block().text;
}

std::string_view Name::view() const {
  if (in_place()) return {place_, static_cast<std::size_t>(place_[last])};
  const Elsewhere there = block();
  return {there.text, there.size};
}

}  // namespace chat
