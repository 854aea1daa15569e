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

// RFC 854 over the whole input at once.
Stripped strip_plainly(std::string_view input) {
  Stripped result;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
  for (std::size_t i = 0; i < input.size();) {
    if (at(i) != 255) {
      result.data += input[i++];
      continue;
    }
    if (i + 1 == input.size()) break;
    const unsigned char command = at(i + 1);
    if (command == 255 || command < 236) {
      result.data += input[i + 1];
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
  must(result.answers.size() <= input.size(), "more answers than input");
  return result;
}

// The decoder of the WHATWG's Encoding Standard, section 8.1.1, followed by the removal of controls.
std::string clean_plainly(std::string_view text) {
  std::string result;
  std::string character;
  int needed = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  const auto begin = [&](int bytes, char first) {
    needed = bytes;
    character = first;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (needed == 0) {
      if (byte < 0x80) {
        if ((byte >= 0x20 && byte != 0x7f) || byte == '\t') result += text[i];
      } else if (byte >= 0xc2 && byte <= 0xdf) {
        begin(1, text[i]);
      } else if (byte >= 0xe0 && byte <= 0xef) {
        if (byte == 0xe0) low = 0xa0;
        if (byte == 0xed) high = 0x9f;
        begin(2, text[i]);
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte == 0xf0) low = 0x90;
        if (byte == 0xf4) high = 0x8f;
        begin(3, text[i]);
      } else {
        result += "\xef\xbf\xbd";
      }
      continue;
    }
    const bool fits = byte >= low && byte <= high;
    low = 0x80;
    high = 0xbf;
    if (!fits) {
      needed = 0;
      result += "\xef\xbf\xbd";
      --i;  // it begins something new
      continue;
    }
    character += text[i];
    if (--needed > 0) continue;
    const bool c1 = character.size() == 2 && character[0] == '\xc2' && byte < 0xa0;
    if (!c1) result += character;
  }
  if (needed > 0) result += "\xef\xbf\xbd";
  return result;
}

void check_clean(std::string_view text) {
  std::string scratch = "left over from the line before";
  const std::string cleaned(clean(text, scratch));
  must(cleaned == clean_plainly(text), "clean() differs from the standard");
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
