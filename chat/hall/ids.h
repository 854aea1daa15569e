#pragma once

#include <compare>
#include <cstdint>

namespace chat {

// The number of something the hall knows: a place in a table, and how often that place had been given
// away before. A number is never given twice, so whoever kept an old one finds nothing, not a stranger.
template <class What>
struct Id {
  std::uint32_t index = 0xffffffff;
  std::uint32_t generation = 0;

  // False for the number of nothing, which is also the default.
  explicit operator bool() const { return index != 0xffffffff; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

// One client that is connected. The front desk gives these numbers; they say nothing about its connection.
using SessionId = Id<struct SessionTag>;
// Somebody who talks, with no session, one or several. The hall gives these and the next.
using UserId = Id<struct UserTag>;
using RoomId = Id<struct RoomTag>;

}  // namespace chat
