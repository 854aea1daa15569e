#include "chat/wire/line/clean.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace chat {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

constexpr bool plain(unsigned char byte) {
  return (byte >= 0x20 && byte <= 0x7e) || byte == '\t';
}

// How many plain ASCII bytes the text begins with, counted in pieces of 32: without branches inside a
// piece, so that the compiler takes many bytes at a time.
std::size_t plain_prefix(std::string_view text) {
  constexpr std::size_t piece = 32;
  std::size_t at = 0;
  for (; at + piece <= text.size(); at += piece) {
    unsigned char odd = 0;
    for (std::size_t i = 0; i < piece; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      const auto printable = static_cast<unsigned char>(static_cast<unsigned char>(byte - 0x20) < 0x5f);
      const auto tab = static_cast<unsigned char>(byte == '\t');
      odd = static_cast<unsigned char>(odd | ((printable | tab) ^ 1));
    }
    if (odd != 0) break;
  }
  while (at < text.size() && plain(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

struct Range {
  char32_t first;
  char32_t last;
};

// The ranges are in order.
bool among(std::span<const Range> ranges, char32_t c) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), c,
                       [](char32_t wanted, const Range& range) { return wanted < range.first; });
  return behind != ranges.begin() && c <= std::prev(behind)->last;
}

// What is not seen, beside controls.
constexpr Range unseen[] = {
    {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},   {0x115f, 0x1160}, {0x17b4, 0x17b5},
    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

// Behind these a joiner means something.
constexpr Range joined[] = {
    {0x600, 0xdff},      // Arabic, Syriac ... ; Devanagari to Sinhala
    {0xf00, 0x109f},     // Tibetan, Myanmar
    {0x1780, 0x18af},    // Khmer, Mongolian
    {0x1a20, 0x1c4f},    // Tai Tham to Lepcha
    {0x2190, 0x27bf},    // arrows and symbols, some of which are emoji
    {0x2b00, 0x2bff},    //
    {0xa800, 0xa95f},    // Syloti Nagri to Rejang
    {0xa980, 0xaadf},    // Javanese to Tai Viet
    {0xabc0, 0xabff},    // Meetei Mayek
    {0xfe0f, 0xfe0f},    // of an emoji
    {0x10a00, 0x11fff},  // Kharoshthi, Brahmi ...
    {0x1e900, 0x1e95f},  // Adlam
    {0x1f000, 0x1faff},  // emoji
};
constexpr Range mongolian[] = {{0x1820, 0x18af}};
constexpr Range ideographs[] = {{0x3400, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x3ffff}};

// Whether one that is not seen stays behind the character `previous`, 0 at the beginning.
bool stays(char32_t c, char32_t previous) {
  if (c == 0x200c || c == 0x200d) return among(joined, previous);
  if (c >= 0x180b && c <= 0x180f) return among(mongolian, previous);
  if (c >= 0xe0100 && c <= 0xe01ef) return among(ideographs, previous);
  if (c < 0xfe00 || c > 0xfe0f) return false;
  if (previous < 0x80) return (previous >= '0' && previous <= '9') || previous == '#' || previous == '*';
  return !among(unseen, previous);
}

// The value of a well-formed character.
char32_t value_of(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead;
  char32_t value = lead & (0x7fU >> character.size());
  for (const char byte : character.substr(1)) value = value << 6 | (static_cast<unsigned char>(byte) & 0x3fU);
  return value;
}

// The last character of a clean text, in bytes.
std::string_view last_character(std::string_view text) {
  std::size_t at = text.size();
  while (at > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) break;
  }
  return text.substr(at);
}

// What a text begins with that is not plain ASCII.
struct Piece {
  enum class Kind : std::uint8_t { good, gone, bad } kind;
  std::size_t size;  // in bytes
};

// Reads the first character, or the first maximal subpart of an ill-formed one: a lead byte and as many of
// the bytes after it as could still have become a character (Unicode 15, table 3-7). `before` is the clean
// text before it.
Piece first_piece(std::string_view text, std::string_view before) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {plain(lead) ? Piece::Kind::good : Piece::Kind::gone, 1};

  std::size_t size = 0;
  unsigned char low = 0x80;  // bounds of the second byte
  unsigned char high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3;
    if (lead == 0xe0) low = 0xa0;   // shorter forms exist
    if (lead == 0xed) high = 0x9f;  // surrogates
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;  // beyond U+10FFFF
  } else {
    return {Piece::Kind::bad, 1};
  }
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return {Piece::Kind::bad, 1};
  for (std::size_t i = 2; i < size; ++i) {
    if (i == text.size() || byte(i) < 0x80 || byte(i) > 0xbf) return {Piece::Kind::bad, i};
  }
  if (lead >= 0xe4 && lead <= 0xed) return {Piece::Kind::good, size};  // Chinese, Korean: none is invisible

  const char32_t c = value_of(text.substr(0, size));
  const bool control = c < 0xa0;
  if (!control && !among(unseen, c)) return {Piece::Kind::good, size};
  const bool kept = !control && stays(c, before.empty() ? 0 : value_of(last_character(before)));
  return {kept ? Piece::Kind::good : Piece::Kind::gone, size};
}

// How much of the text may stay as it is, behind a clean text.
std::size_t good_prefix(std::string_view text, std::string_view before) {
  std::size_t at = 0;
  for (;;) {
    at += plain_prefix(text.substr(at));
    if (at == text.size()) return at;
    const Piece piece = first_piece(text.substr(at), at == 0 ? before : text.substr(0, at));
    if (piece.kind != Piece::Kind::good) return at;
    at += piece.size;
  }
}

void erase_character(std::string& text) {
  for (bool seen = false; !seen && !text.empty();) {
    const std::string_view last = last_character(text);
    seen = !among(unseen, value_of(last));
    text.resize(text.size() - last.size());
  }
}

}  // namespace

std::string_view clean(std::string_view text, std::string& scratch) {
  std::size_t good = good_prefix(text, {});
  if (good == text.size()) return text;

  scratch.clear();
  for (;;) {
    scratch.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return scratch;
    const Piece piece = first_piece(text, scratch);
    if (piece.kind == Piece::Kind::bad) {
      scratch.append(replacement);
    } else if (text[0] == erases_line) {
      scratch.clear();
    } else if (text[0] == erases_character || text[0] == erases_character_too) {
      erase_character(scratch);
    }
    text.remove_prefix(piece.size);
    good = good_prefix(text, scratch);
  }
}

}  // namespace chat
