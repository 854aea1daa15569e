#include "fuzz/line_input.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <string_view>
#include <vector>

namespace chat {
namespace {

// What the fuzzer checks, over input that is made of what matters to the two parsers.
TEST(LineInputTest, RandomInputIsTreatedAsTheStandardsSay) {
  constexpr std::array<std::uint8_t, 32> telling = {
      0,    '\t', '\n', '\r', 'a',  ' ',  0x7e, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
      0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 236,  240,  250,  251,  253,  255};
  // And of whole characters, invisible ones, and those that they may stand behind.
  constexpr std::array<std::string_view, 16> characters = {
      "\u200d", "\u200c", "\u202e", "\ufe0f", "\u180b", "\u2028",     "\ufeff",   "\U000e0100",
      "م",      "👩",     "葛",     "ᠠ",      "é",      "\U000e0041", "\xff\xf7", "\r\xff\xf6"};
  std::mt19937 random(20240229);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::uint8_t> input(random() % 80);
    const bool anything = i % 4 == 0;
    for (auto& byte : input) {
      byte = anything ? static_cast<std::uint8_t>(random()) : telling[random() % telling.size()];
    }
    if (i % 2 == 0) {
      for (int more = 0; more < 8; ++more) {
        const std::string_view character = characters[random() % characters.size()];
        const auto place = static_cast<std::ptrdiff_t>(random() % (input.size() + 1));
        input.insert(input.begin() + place, character.begin(), character.end());
      }
    }
    // Some with a long plain beginning, past the pieces in which plain text is skipped.
    if (i % 3 == 0) input.insert(input.begin(), random() % 100, 'x');
    check_line_input(input);
  }
}

}  // namespace
}  // namespace chat
