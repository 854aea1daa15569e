#include "chat/config/toml.h"

#include <algorithm>
#include <string>

namespace chat {
namespace {

// Knows strings and comments; it stops to make sense only where toml++ stops too.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<std::uint32_t> line_of_long_key() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else {
        if (c == '.' && ++parts_ > most_key_parts) return line();
        if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) parts_ = 1;
        ++at_;
      }
    }
    return std::nullopt;
  }

 private:
  std::uint32_t line() const {
    return 1 + static_cast<std::uint32_t>(std::ranges::count(text_.substr(0, at_), '\n'));
  }

  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool long_one = text_.substr(at_).starts_with(three);
    at_ += long_one ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        at_ = std::min(at_ + 2, text_.size());
      } else if (long_one && text_.substr(at_).starts_with(three)) {
        at_ += 3;
        // The last three of up to five quotes are the end.
        for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
        return;
      } else if (!long_one && (c == quote || c == '\n')) {
        at_ += c == quote ? 1 : 0;
        return;
      } else {
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t parts_ = 1;
};

}  // namespace

std::optional<std::uint32_t> line_of_long_key(std::string_view text) {
  return Scanner(text).line_of_long_key();
}

}  // namespace chat
