#include "chat/config/keys.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "chat/config/nearest.h"
#include "parley/base/print.h"

namespace chat {
namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t gib = 1024 * mib;

const std::string& as_text(const Value& value) {
  return std::get<std::string>(value);
}
std::int64_t as_number(const Value& value) {
  return std::get<std::int64_t>(value);
}
std::size_t bytes(const Value& value) {
  return static_cast<std::size_t>(as_number(value));
}

parley::Reactor::Kind reactor_kind(std::string_view name) {
  if (name == "epoll") return parley::Reactor::epoll;
  if (name == "poll") return parley::Reactor::poll;
  if (name == "select") return parley::Reactor::select;
  return parley::Reactor::automatic;
}

constexpr std::array<std::pair<std::string_view, parley::Level>, 5> levels = {
    {{"trace", parley::Level::trace},
     {"debug", parley::Level::debug},
     {"info", parley::Level::info},
     {"warn", parley::Level::warn},
     {"error", parley::Level::error}}};

parley::Level log_level(std::string_view name) {
  return std::find_if(levels.begin(), levels.end(), [&](const auto& level) { return level.first == name; })
      ->second;
}

using enum Type;
using enum State;

constexpr Key all_keys[] = {
    {"server", "name", text, R"("localhost")"},
    {"server", "description", text, R"("Parley")"},
    {"server", "network", text, R"("Parley")"},
    {"server", "data_dir", text, R"("data")"},
    {"server", "threads", number, "1"},
    {.table = "server",
     .name = "reactor",
     .fallback = R"("auto")",
     .state = built,
     .choices = "auto|epoll|poll|select",
     .unbuilt = "io_uring",
     .set = [](Settings& to, const Value& value) { to.config.reactor = reactor_kind(as_text(value)); }},
    {.table = "server", .name = "casemapping", .fallback = R"("ascii")", .choices = "ascii|rfc1459|precis"},
    {"server", "password", text, R"("")", guards},
    {"server", "default_user_modes", text, R"("")"},
    {"server", "trusted_proxies", texts, "[]", guards},
    {.table = "server",
     .name = "flush_interval",
     .type = time,
     .fallback = R"("0ms")",
     .state = built,
     .max = 1000,
     .set = [](Settings& to,
               const Value& value) { to.config.flush_interval = std::get<parley::Duration>(value); }},
    {"server", "motd", text, R"("")"},
    {"server.admin", "name", text, R"("")"},
    {"server.admin", "location", text, R"("")"},
    {"server.admin", "email", text, R"("")"},

    {.table = "listener",
     .name = "protocol",
     .fallback = R"("line")",
     .state = built,
     .choices = "line",
     .unbuilt = "irc|ws|http",
     .set = [](Settings&, const Value&) {}},
    {.table = "listener",
     .name = "address",
     .fallback = R"("127.0.0.1")",
     .state = built,
     .set = [](Settings& to, const Value& value) { to.listener.address = as_text(value); }},
    {.table = "listener",
     .name = "port",
     .type = number,
     .fallback = "2626",
     .state = built,
     .max = 65535,
     .set = [](Settings& to, const Value& value) { to.listener.port = static_cast<int>(as_number(value)); }},
    {"listener", "tls_cert", text, R"("")", guards},
    {"listener", "tls_key", text, R"("")", guards},
    {"listener", "proxy_protocol", flag, "false", guards},
    {"listener", "origins", texts, "[]", guards},
    {.table = "listener",
     .name = "room",
     .fallback = R"("#lobby")",
     .state = built,
     .set = [](Settings& to, const Value& value) { to.listener.room = as_text(value); }},

    {"oper", "name", text, R"("admin")"},
    {"oper", "password_hash", text, R"("")", guards},
    {"oper", "password", text, R"("")", guards},
    {"oper", "class", text, R"("admin")"},
    {"oper_class", "title", text, R"("Server Admin")"},
    {"oper_class", "privileges", texts, R"(["*"])"},

    {.table = "accounts",
     .name = "registration",
     .fallback = R"("open")",
     .state = guards,
     .choices = "open|invite|closed"},
    {"accounts", "before_connect", flag, "false", guards},
    {"accounts", "require_email", flag, "false", guards},
    {"accounts", "verify_email", flag, "false", guards},
    {.table = "accounts",
     .name = "nick_ownership",
     .fallback = R"("strict")",
     .state = guards,
     .choices = "strict|optional|none"},
    {"accounts", "multiclient", flag, "true", guards},
    {.table = "accounts",
     .name = "always_on",
     .fallback = R"("opt-in")",
     .state = guards,
     .choices = "off|opt-in|opt-out|mandatory"},
    {.table = "accounts",
     .name = "hash_cost",
     .fallback = R"("default")",
     .state = guards,
     .choices = "default|test"},

    {"channels", "registration", flag, "true"},
    {"channels", "default_modes", text, R"("+nt")"},

    {"history", "enabled", flag, "true"},
    {.table = "history", .name = "store", .fallback = R"("sqlite")", .choices = "memory|sqlite|jetstream"},
    {"history", "path", text, R"("history.db")"},
    {"history", "url", text, R"("")"},
    {"history", "replay_on_join", number, "0"},
    {"history", "query_max", number, "100"},
    {"history", "client_tags", texts, "[]"},
    {"history", "redact", text, R"("author-and-ops")"},

    {"metadata", "enabled", flag, "false"},
    {"metadata", "max_subs", number, "100"},
    {"metadata", "max_keys", number, "1000"},

    {"limits", "nick", number, "32"},
    {"limits", "user", number, "20"},
    {"limits", "realname", number, "200"},
    {"limits", "channel", number, "64"},
    {"limits", "topic", number, "390"},
    {"limits", "kick", number, "390"},
    {"limits", "away", number, "200"},
    {"limits", "line_bytes", size, "512"},
    {.table = "limits",
     .name = "line_chat_bytes",
     .type = size,
     .fallback = "4096",
     .state = built,
     .min = 1,
     .max = 64 * kib,
     .set = [](Settings& to,
               const Value& value) { to.config.line_bytes = static_cast<std::uint32_t>(as_number(value)); }},
    {"limits", "tag_bytes_client", size, "4096"},
    {"limits", "tag_bytes_server", size, "8191"},
    {"limits", "list_modes", number, "60"},
    {"limits", "monitor", number, "100"},
    {"limits", "whowas", number, "100"},
    {"limits", "channels_per_user", number, "100"},
    {"limits", "multiline_bytes", size, "4096"},
    {"limits", "multiline_lines", number, "32"},
    {.table = "limits",
     .name = "sendq_bytes",
     .type = size,
     .fallback = R"("1MiB")",
     .state = built,
     .min = 16 * kib,
     .max = gib,
     .set = [](Settings& to, const Value& value) { to.config.limits.sendq_bytes = bytes(value); }},
    {.table = "limits",
     .name = "queued_total",
     .type = size,
     .fallback = R"("256MiB")",
     .state = built,
     .min = mib,
     .max = 1024 * gib,
     .set = [](Settings& to, const Value& value) { to.config.limits.queued_total = bytes(value); }},
    {.table = "limits",
     .name = "send_buffer",
     .type = size,
     .fallback = "0",
     .state = built,
     .max = gib,
     .set = [](Settings& to, const Value& value) { to.config.send_buffer = static_cast<int>(bytes(value)); }},
    {.table = "limits",
     .name = "turn_bytes",
     .type = size,
     .fallback = R"("256KiB")",
     .state = built,
     .min = 4 * kib,
     .max = gib,
     .set = [](Settings& to, const Value& value) { to.config.limits.turn_bytes = bytes(value); }},
    {"limits", "exempt", texts, R"(["127.0.0.0/8", "::1"])"},
    {.table = "limits",
     .name = "connections",
     .type = number,
     .fallback = "0",
     .state = built,
     .set = [](Settings& to, const Value& value) { to.config.connections = bytes(value); }},
    {"limits", "connections_per_ip", number, "64"},
    {"limits", "connect_rate", number, "32"},
    {"limits", "message_rate", number, "20"},
    {"limits", "message_burst", number, "60"},
    {"limits", "registration_timeout", time, R"("30s")"},
    {"limits", "ping_interval", time, R"("90s")"},

    {.table = "log",
     .name = "level",
     .fallback = R"("info")",
     .state = built,
     .choices = "trace|debug|info|warn|error",
     .set = [](Settings& to, const Value& value) { to.config.log_level = log_level(as_text(value)); }},
    {.table = "log", .name = "format", .fallback = R"("text")", .choices = "text|json"},
    {.table = "log",
     .name = "chat",
     .type = flag,
     .fallback = "true",
     .state = built,
     .set = [](Settings& to, const Value& value) { to.config.chat = std::get<bool>(value); }},

    {"metrics", "listen", text, R"("")"},
};

bool one_of(std::string_view choices, std::string_view word) {
  while (!choices.empty()) {
    const std::size_t bar = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, bar) == word) return true;
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return false;
}

// `"auto", "epoll"`.
std::string quoted(std::string_view choices) {
  std::string list = "\"";
  for (const char c : choices) {
    if (c == '|') {
      list += "\", \"";
    } else {
      list += c;
    }
  }
  return list + '"';
}

std::string range(const Key& key, const auto& text_of) {
  constexpr auto endless = std::numeric_limits<std::int64_t>::max();
  if (key.max == endless) return parley::format(" of at least ", text_of(key.min));
  return parley::format(" from ", text_of(key.min), " to ", text_of(key.max));
}

}  // namespace

std::span<const Key> keys() {
  return all_keys;
}

std::string full_name(const Key& key) {
  return parley::format(key.table, ".", key.name);
}

const Key* find_key(std::string_view table, std::string_view name) {
  const auto found = std::find_if(std::begin(all_keys), std::end(all_keys),
                                  [&](const Key& key) { return key.table == table && key.name == name; });
  return found == std::end(all_keys) ? nullptr : found;
}

const Key& nearest_key(std::string_view table, std::string_view name) {
  // A table's name weighs less than the key's: who writes a key into the wrong table means that key.
  const auto cost = [&](const Key& key) {
    return 2 * distance(name, key.name) + std::min<std::size_t>(distance(table, key.table), 2);
  };
  return *std::min_element(std::begin(all_keys), std::end(all_keys),
                           [&](const Key& one, const Key& other) { return cost(one) < cost(other); });
}

bool known_table(std::string_view table) {
  return std::any_of(std::begin(all_keys), std::end(all_keys), [&](const Key& key) {
    return key.table.starts_with(table) &&
           (key.table.size() == table.size() || key.table[table.size()] == '.');
  });
}

std::string_view nearest_table(std::string_view table) {
  return std::min_element(std::begin(all_keys), std::end(all_keys),
                          [&](const Key& one, const Key& other) {
                            return distance(table, one.table) < distance(table, other.table);
                          })
      ->table;
}

std::string expectation(const Key& key) {
  switch (key.type) {
    case Type::text:
      if (key.choices.empty()) return "a text in quotes";
      return parley::format(key.choices.find('|') == key.choices.npos ? "" : "one of ", quoted(key.choices));
    case Type::flag:
      return "true or false";
    case Type::number:
      return parley::format("a whole number", range(key, [](std::int64_t limit) { return limit; }));
    case Type::size:
      return parley::format("a size", range(key, size_text),
                            ", as a number of bytes or a text like \"64KiB\"");
    case Type::time:
      return parley::format(
          "a time",
          range(key, [](std::int64_t limit) { return time_text(std::chrono::milliseconds(limit)); }),
          ", as a number of seconds or a text like \"10ms\", \"30s\", \"5m\"");
    case Type::texts:
      return "a list of texts in quotes";
  }
  return {};
}

std::string objection(const Key& key, const Value& value) {
  if (const auto* word = std::get_if<std::string>(&value); word != nullptr && !key.choices.empty()) {
    if (one_of(key.choices, *word)) return {};
    if (one_of(key.unbuilt, *word)) {
      return parley::format("is not built yet; today it must be ", expectation(key));
    }
    return parley::format("must be ", expectation(key));
  }
  std::int64_t amount = key.min;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) amount = *whole;
  if (const auto* time = std::get_if<parley::Duration>(&value)) {
    amount = std::chrono::duration_cast<std::chrono::milliseconds>(*time).count();
  }
  if (amount < key.min || amount > key.max) return parley::format("must be ", expectation(key));
  return {};
}

}  // namespace chat
