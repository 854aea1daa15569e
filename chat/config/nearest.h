#pragma once

#include <cstddef>
#include <string_view>

namespace chat {

// How many letters one must add, drop or change to make one word of the other. O(n * m).
std::size_t distance(std::string_view one, std::string_view other);

}  // namespace chat
