#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "chat/config/config.h"
#include "chat/config/value.h"

namespace chat {

// A listener while its keys are read.
struct ListenerDraft {
  std::string address = "127.0.0.1";
  std::optional<int> port;  // none: 2626, where the address is an IP address
  std::string room = "#lobby";
  TlsConfig tls;  // without a certificate: none
};

// What keys set.
struct Settings {
  Config config;
  ListenerDraft listener;
};

// One key of the configuration. The table of them is all that parleyd knows of its file.
struct Key {
  std::string_view table;
  std::string_view name;
  Type type = Type::text;
  std::string_view fallback;  // the default, as TOML
  std::int64_t min = 0;       // numbers, bytes, milliseconds
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::string_view choices{};  // of a text, "|" between them; none: any text
  void (*set)(Settings& settings, const Value& value) = nullptr;
  // Of a key that counts only when parleyd starts: whether both say the same. Null: it counts when the file
  // is read again, too.
  bool (*same)(const Config& one, const Config& other) = nullptr;
};

std::span<const Key> keys();

// "limits.connections".
std::string full_name(const Key& key);
// Null when there is none.
const Key* find_key(std::string_view table, std::string_view name);
// The one that was probably meant.
const Key& nearest_key(std::string_view table, std::string_view name);
// Whether keys stand in a table of that name, and the name that was probably meant.
bool known_table(std::string_view table);
std::string_view nearest_table(std::string_view table);

// The keys that the two say otherwise, and that count only when parleyd starts: "server.reactor, listener".
// Empty when there are none.
std::string needing_restart(const Config& now, const Config& wanted);

// What a value of the key must be, for people: `a size from 64KiB to 1GiB, as a number of bytes or "64KiB"`.
std::string expectation(const Key& key);
// Why the value will not do for the key, although its type is right; empty when it will.
std::string objection(const Key& key, const Value& value);

}  // namespace chat
