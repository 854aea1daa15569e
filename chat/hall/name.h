#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace chat {

// A name in 24 bytes: up to 23 bytes of text stand in place, which every IPv4 client's does
// ("255.255.255.255:65535"); a longer one takes a block of memory. It does not change once it is made.
class Name {
 public:
  Name() { place_[last] = 0; }
  // At most 4 GiB of text. May throw std::bad_alloc.
  explicit Name(std::string_view text);
  Name(const Name& other) : Name(other.view()) {}
  Name(Name&& other) noexcept : Name() { swap(other); }
  Name& operator=(Name other) noexcept {
    swap(other);
    return *this;
  }
  ~Name();

  // Valid until the name is changed, moved or destroyed.
  std::string_view view() const;
  bool in_place() const { return place_[last] != elsewhere; }

 private:
  static constexpr std::size_t last = 23;
  static constexpr char elsewhere = 127;

  struct Elsewhere {
    char* text;
    std::uint32_t size;
  };
  Elsewhere block() const {
    Elsewhere block;
    std::memcpy(&block, place_, sizeof block);
    return block;
  }
  void swap(Name& other) noexcept {
    char kept[sizeof place_];
    std::memcpy(kept, place_, sizeof place_);
    std::memcpy(place_, other.place_, sizeof place_);
    std::memcpy(other.place_, kept, sizeof place_);
  }

  // The text, or where it is; the last byte says how long it is, or that it is elsewhere.
  alignas(char*) char place_[last + 1] = {};
};

static_assert(sizeof(Name) == 24);

}  // namespace chat
