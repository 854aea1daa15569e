#include "fuzz/line_input.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "chat/wire/line/clean.h"
#include "chat/wire/line/telnet.h"

namespace chat {
namespace {

void must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "check_line_input: %s\n", what);
  std::abort();
}

struct Stripped {
  std::string data;
  std::string answers;
  bool operator==(const Stripped&) const = default;
};

// RFC 854 and RFC 1123, section 3.3.1, over the whole input at once.
Stripped strip_plainly(std::string_view input) {
  Stripped result;
  const auto put = [&](char byte) {
    result.data += byte == '\0' && result.data.ends_with('\r') ? '\n' : byte;
  };
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
  for (std::size_t i = 0; i < input.size();) {
    if (at(i) != 255) {
      put(input[i++]);
      continue;
    }
    if (i + 1 == input.size()) break;
    const unsigned char command = at(i + 1);
    if (command == 255 || command < 236) {
      put(input[i + 1]);
      i += 2;
    } else if (command == 246) {
      result.answers += "[Yes]\r\n";
      i += 2;
    } else if (command == 247 || command == 248) {
      put(command == 247 ? '\x7f' : '\x15');
      i += 2;
    } else if (command >= 251) {
      if (i + 2 == input.size()) break;
      if (command == 251) result.answers += {'\xff', '\xfe', input[i + 2]};
      if (command == 253) result.answers += {'\xff', '\xfc', input[i + 2]};
      i += 3;
    } else if (command == 250) {
      for (i += 2;; i += 2) {
        i = input.find('\xff', i);
        if (i == std::string_view::npos || i + 1 == input.size()) return result;
        if (at(i + 1) == 240) break;
      }
      i += 2;
    } else {
      i += 2;
    }
  }
  return result;
}

Stripped strip_in_pieces(std::string_view input, std::size_t piece) {
  Stripped result;
  TelnetFilter filter;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    std::string lent(input.substr(at, piece));
    parley::TextWriter answers;
    const std::span<char> data = filter.strip(lent, answers);
    must(data.data() == lent.data() && data.size() <= lent.size(),
         "the data does not stand where it came in");
    result.data.append(data.data(), data.size());
    result.answers += answers.text();
  }
  must(result.answers.size() <= 4 * input.size(), "too many answers");
  return result;
}

// The decoder of the WHATWG's Encoding Standard, section 8.1.1.
std::u32string decode_plainly(std::string_view text) {
  constexpr char32_t replacement = 0xfffd;
  std::u32string result;
  char32_t character = 0;
  int needed = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  const auto begin = [&](int bytes, unsigned bits) {
    needed = bytes;
    character = bits;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (needed == 0) {
      if (byte < 0x80) {
        result += byte;
      } else if (byte >= 0xc2 && byte <= 0xdf) {
        begin(1, byte & 0x1fU);
      } else if (byte >= 0xe0 && byte <= 0xef) {
        if (byte == 0xe0) low = 0xa0;
        if (byte == 0xed) high = 0x9f;
        begin(2, byte & 0xfU);
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte == 0xf0) low = 0x90;
        if (byte == 0xf4) high = 0x8f;
        begin(3, byte & 7U);
      } else {
        result += replacement;
      }
      continue;
    }
    const bool fits = byte >= low && byte <= high;
    low = 0x80;
    high = 0xbf;
    if (!fits) {
      needed = 0;
      result += replacement;
      --i;  // it begins something new
      continue;
    }
    character = character << 6 | (byte & 0x3fU);
    if (--needed == 0) result += character;
  }
  if (needed > 0) result += replacement;
  return result;
}

bool is_control(char32_t c) {
  return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0);
}

// Default_Ignorable_Code_Point of Unicode 15, and the few that clean.h names beside it.
bool is_unseen(char32_t c) {
  return c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
         (c >= 0x180b && c <= 0x180f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff ||
         c == 0xffa0 || (c >= 0xfff0 && c <= 0xfffb) || (c >= 0x1bca0 && c <= 0x1bca3) ||
         (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0000 && c <= 0xe0fff);
}

// What may stay is only checked for what must never be: `clean` decides it by tables that a second telling
// would repeat.
bool may_stay(char32_t c, char32_t previous) {
  const bool joiner = c == 0x200c || c == 0x200d;
  const bool selector = (c >= 0x180b && c <= 0x180f) || (c >= 0xfe00 && c <= 0xfe0f) || c >= 0xe0100;
  if (!joiner && !selector) return false;
  if (is_unseen(previous)) return joiner && previous == 0xfe0f;
  return previous >= 0xa0 || (selector && previous != 0 && previous != ' ');
}

// What is seen of a line, edited.
std::u32string seen_plainly(const std::u32string& text) {
  std::u32string result;
  for (const char32_t c : text) {
    if (c == 0x15) result.clear();
    if ((c == 0x08 || c == 0x7f) && !result.empty()) result.pop_back();
    if (!is_control(c) && !is_unseen(c)) result += c;
  }
  return result;
}

void check_clean(std::string_view text) {
  std::string scratch = "left over from the line before";
  const std::string cleaned(clean(text, scratch));
  const std::u32string characters = decode_plainly(cleaned);
  must(seen_plainly(characters) == seen_plainly(decode_plainly(text)), "clean() differs from the standard");
  char32_t previous = 0;
  for (const char32_t c : characters) {
    must(!is_control(c), "clean() leaves a control");
    must(!is_unseen(c) || may_stay(c, previous), "clean() leaves what is not seen");
    previous = c;
  }
  must(cleaned.size() <= 3 * text.size(), "clean() makes too much of it");
  std::string unused;
  const std::string_view again = clean(cleaned, unused);
  must(again.data() == cleaned.data() && again.size() == cleaned.size(), "clean() cleans what is clean");
}

}  // namespace

void check_line_input(std::span<const std::uint8_t> input) {
  const std::string text(input.begin(), input.end());
  const Stripped whole = strip_plainly(text);
  for (const std::size_t piece : {text.size() + 1, std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    must(strip_in_pieces(text, piece) == whole, "telnet's filter differs from the standard");
  }
  check_clean(text);
  check_clean(whole.data);
}

}  // namespace chat
