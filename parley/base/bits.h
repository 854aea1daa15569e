#pragma once

#include <concepts>
#include <type_traits>

namespace parley {

// A set of flags in one small number. The enumerators of `Enum` are its bits.
template <class Enum>
class Bits {
 public:
  using Word = std::underlying_type_t<Enum>;

  // Whether at least one of them is set.
  template <std::same_as<Enum>... Flag>
  constexpr bool any(Flag... flags) const {
    return (bits_ & bits_of(flags...)) != 0;
  }
  template <std::same_as<Enum>... Flag>
  constexpr void set(Flag... flags) {
    bits_ = static_cast<Word>(bits_ | bits_of(flags...));
  }
  template <std::same_as<Enum>... Flag>
  constexpr void clear(Flag... flags) {
    bits_ = static_cast<Word>(bits_ & ~bits_of(flags...));
  }
  constexpr bool none() const { return bits_ == 0; }
  constexpr Word bits() const { return bits_; }

 private:
  template <class... Flag>
  static constexpr Word bits_of(Flag... flags) {
    return static_cast<Word>((static_cast<Word>(flags) | ...));
  }

  Word bits_ = 0;
};

}  // namespace parley
