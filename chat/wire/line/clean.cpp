#include "chat/wire/line/clean.h"

#include <cstddef>
#include <cstdint>

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

// What a text begins with that is not plain ASCII.
struct Piece {
  enum class Kind : std::uint8_t { good, control, bad } kind;
  std::size_t size;  // in bytes
};

// Reads the first character, or the first maximal subpart of an ill-formed one: a lead byte and as many of
// the bytes after it as could still have become a character (Unicode 15, table 3-7).
Piece first_piece(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {plain(lead) ? Piece::Kind::good : Piece::Kind::control, 1};

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
  const bool c1 = lead == 0xc2 && byte(1) < 0xa0;
  return {c1 ? Piece::Kind::control : Piece::Kind::good, size};
}

// How much of the text may stay as it is.
std::size_t good_prefix(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    at += plain_prefix(text.substr(at));
    if (at == text.size()) return at;
    const Piece piece = first_piece(text.substr(at));
    if (piece.kind != Piece::Kind::good) return at;
    at += piece.size;
  }
}

}  // namespace

std::string_view clean(std::string_view text, std::string& scratch) {
  std::size_t good = good_prefix(text);
  if (good == text.size()) return text;

  scratch.clear();
  for (;;) {
    scratch.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return scratch;
    const Piece piece = first_piece(text);
    if (piece.kind == Piece::Kind::bad) scratch.append(replacement);
    text.remove_prefix(piece.size);
    good = good_prefix(text);
  }
}

}  // namespace chat
