#include "chat/config/file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "chat/config/keys.h"
#include "chat/config/listener.h"
#include "chat/config/toml.h"
#include "parley/base/print.h"

namespace chat {
namespace {

using Line = std::uint32_t;

constexpr Line line_of(const toml::source_region& source) {
  return source.begin.line;
}

// The node as the key wants it; nothing when it is of another type.
std::optional<Value> value_of(const toml::node& node, Type type) {
  const auto* const text = node.as_string();
  const auto* const number = node.as_integer();
  switch (type) {
    case Type::text:
      if (text) return Value(text->get());
      break;
    case Type::flag:
      if (const auto* flag = node.as_boolean()) return Value(flag->get());
      break;
    case Type::number:
      if (number) return Value(number->get());
      break;
    case Type::size:
      if (number) return Value(number->get());
      if (text) return parse_size(text->get());
      break;
    case Type::time:
      if (number) return seconds(number->get());
      if (text) return parse_time(text->get());
      break;
    case Type::networks: {
      const auto* const array = node.as_array();
      if (!array) break;
      std::vector<std::string> texts;
      for (const toml::node& item : *array) {
        if (!item.is_string()) return std::nullopt;
        texts.push_back(item.as_string()->get());
      }
      return Value(std::move(texts));
    }
  }
  return std::nullopt;
}

// What was written, as far as it fits in a message.
std::string written(const toml::node& node) {
  if (node.is_table() || node.is_array()) return {};
  std::ostringstream text;
  node.visit([&](const auto& value) {
    if constexpr (!toml::is_table<decltype(value)> && !toml::is_array<decltype(value)>) text << value;
  });
  const std::string whole = text.str();
  return whole.size() > 60 ? std::string() : parley::concat(" = ", whole);
}

class Reader {
 public:
  void read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string_view name = key.str();
      if (name == "listener") {
        listeners(node);
      } else if (known_table(name)) {
        table(key, node, std::string(name));
      } else if (node.is_table() || node.is_array_of_tables()) {
        mistake(line_of(key.source()), "unknown section [", name, "]; the nearest is [", nearest_table(name),
                "]");
      } else {
        unknown(key, "");
      }
    }
    if (!mistake_ && 4 * settings_.config.line_bytes > settings_.config.limits.sendq_bytes) {
      mistake(0, "limits.sendq_bytes must be at least four times limits.line_chat_bytes");
    }
  }

  // The first mistake of the file, if there is one.
  const std::optional<std::pair<Line, std::string>>& mistake() const { return mistake_; }

  Config take() {
    if (!listeners_.empty()) settings_.config.listeners = std::move(listeners_);
    return std::move(settings_.config);
  }

 private:
  void mistake(Line line, const auto&... parts) {
    if (mistake_ && mistake_->first <= line) return;
    mistake_.emplace(line, parley::concat(parts...));
  }

  void unknown(const toml::key& key, std::string_view table) {
    const std::string name = table.empty() ? std::string(key.str()) : parley::concat(table, ".", key.str());
    mistake(line_of(key.source()), "unknown key ", name, "; the nearest is ",
            full_name(nearest_key(table, key.str())));
  }

  void table(const toml::key& key, const toml::node& node, const std::string& name) {
    if (const toml::table* table = node.as_table()) return keys_of(*table, name);
    if (node.is_array_of_tables()) {
      mistake(line_of(key.source()), "there is one ", name, ": write [", name, "]");
    } else {
      mistake(line_of(key.source()), name, " is a section: write [", name, "]");
    }
  }

  void keys_of(const toml::table& table, const std::string& name) {
    for (const auto& [key, node] : table) {
      if (const Key* known = find_key(name, key.str())) {
        value(*known, key, node);
      } else {
        unknown(key, name);
      }
    }
  }

  void listeners(const toml::node& node) {
    const toml::array* const array = node.is_array_of_tables() ? node.as_array() : nullptr;
    if (array == nullptr) {
      return mistake(line_of(node.source()), "there may be several of listener: write [[listener]]");
    }
    for (const toml::node& item : *array) {
      settings_.listener = {};
      keys_of(*item.as_table(), "listener");
      listener(item);
    }
  }

  void listener(const toml::node& node) {
    try {
      listeners_.push_back(listener_from_draft(settings_.listener));
    } catch (const ConfigError& error) {
      mistake(line_of(node.source()), error.what());
    }
  }

  void value(const Key& key, const toml::key& where, const toml::node& node) {
    const Line line = line_of(where.source());
    const std::optional<Value> value = value_of(node, key.type);
    if (!value) return mistake(line, full_name(key), written(node), " must be ", expectation(key));
    if (const std::string why = objection(key, *value); !why.empty()) {
      return mistake(line, full_name(key), written(node), " ", why);
    }
    key.set(settings_, *value);
  }

  Settings settings_;
  std::vector<ListenerConfig> listeners_;
  std::optional<std::pair<Line, std::string>> mistake_;
};

ConfigError error_in(const std::string& name, Line line, std::string_view what) {
  if (line == 0) return ConfigError(parley::concat(name, ": ", what));
  return ConfigError(parley::concat(name, ":", line, ": ", what));
}

bool breaks_an_assertion(std::string_view text) {
  try {
    (void)toml::parse(text);
  } catch (const TomlAssertion&) {
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
  return false;
}

// The line at which toml++ asserts what is not so: the lines before it alone do not make it do that.
Line line_of_assertion(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1))
    ends.push_back(end);
  const auto found = std::partition_point(ends.begin(), ends.end(), [text](std::size_t end) {
    return !breaks_an_assertion(text.substr(0, end + 1));
  });
  return static_cast<Line>(found - ends.begin() + 1);
}

toml::table read_toml(std::string_view text, const std::string& name) {
  if (const auto line = line_of_long_key(text)) {
    throw error_in(name, *line, parley::concat("a key has more than ", most_key_parts, " parts"));
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw error_in(name, line_of(error.source()), error.description());
  } catch (const TomlAssertion&) {
    throw error_in(name, line_of_assertion(text), "this is no TOML");
  }
}

}  // namespace

Config parse_config(std::string_view text, const std::string& name) {
  Reader reader;
  reader.read(read_toml(text, name));
  if (const auto& mistake = reader.mistake()) throw error_in(name, mistake->first, mistake->second);
  return reader.take();
}

Config read_config(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(longest_config + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.eof() || file.bad()) {
    if (file) throw error_in(path, 0, "this is no configuration: it is longer than 1MiB");
    throw error_in(path, 0, parley::concat("cannot be read: ", std::generic_category().message(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_config(text, path);
}

Config reread_config(const std::string& path) {
  std::error_code unknown;
  const std::filesystem::file_status there = std::filesystem::status(path, unknown);
  const bool nothing = std::filesystem::canonical(path, unknown) == "/dev/null";
  if (is_fifo(there) || is_socket(there) || (is_character_file(there) && !nothing)) {
    throw error_in(path, 0, "a pipe or a device is read once, when parleyd starts");
  }
  return read_config(path);
}

}  // namespace chat
