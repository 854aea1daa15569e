#include "chat/config/keys.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

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

// Texts that `objection` has nothing against.
std::vector<parley::Network> as_networks(const Value& value) {
  std::vector<parley::Network> networks;
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    networks.push_back(parley::Network::parse(text).value());
  }
  return networks;
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

// A number that is 0 for none, and its place.
template <std::uint32_t Config::* member>
void set_count(Settings& to, const Value& value) {
  to.config.*member = static_cast<std::uint32_t>(as_number(value));
}
template <parley::Duration Config::* member>
void set_time(Settings& to, const Value& value) {
  to.config.*member = std::get<parley::Duration>(value);
}

template <auto member>
bool same(const Config& one, const Config& other) {
  return one.*member == other.*member;
}
template <std::size_t parley::Limits::* member>
bool same_limit(const Config& one, const Config& other) {
  return one.limits.*member == other.limits.*member;
}

using enum Type;

constexpr std::int64_t many = 1'000'000;
constexpr std::int64_t day = 24 * 3'600'000;             // in milliseconds
constexpr std::int64_t longest_keep_alive = 32'767'000;  // that the kernel takes

constexpr Key all_keys[] = {
    {.table = "server",
     .name = "reactor",
     .fallback = R"("auto")",
     .choices = "auto|epoll|poll|select",
     .set = [](Settings& to, const Value& value) { to.config.reactor = reactor_kind(as_text(value)); },
     .same = same<&Config::reactor>},
    {.table = "server",
     .name = "flush_interval",
     .type = time,
     .fallback = R"("0ms")",
     .max = 1000,
     .set = set_time<&Config::flush_interval>,
     .same = same<&Config::flush_interval>},

    {.table = "listener",
     .name = "protocol",
     .fallback = R"("line")",
     .choices = "line",
     .set = [](Settings&, const Value&) {}},
    {.table = "listener",
     .name = "address",
     .fallback = R"("127.0.0.1")",
     .set = [](Settings& to, const Value& value) { to.listener.address = as_text(value); }},
    {.table = "listener",
     .name = "port",
     .type = number,
     .fallback = "2626",
     .max = 65535,
     .set = [](Settings& to, const Value& value) { to.listener.port = static_cast<int>(as_number(value)); }},
    {.table = "listener",
     .name = "room",
     .fallback = R"("#lobby")",
     .set = [](Settings& to, const Value& value) { to.listener.room = as_text(value); }},
    {.table = "listener",
     .name = "tls_cert",
     .fallback = R"("")",
     .set = [](Settings& to, const Value& value) { to.listener.tls.cert = as_text(value); }},
    {.table = "listener",
     .name = "tls_key",
     .fallback = R"("")",
     .set = [](Settings& to, const Value& value) { to.listener.tls.key = as_text(value); }},
    {.table = "listener",
     .name = "client_ca",
     .fallback = R"("")",
     .set = [](Settings& to, const Value& value) { to.listener.tls.client_ca = as_text(value); }},

    {.table = "limits",
     .name = "line_chat_bytes",
     .type = size,
     .fallback = "4096",
     .min = 1,
     .max = 64 * kib,
     .set = set_count<&Config::line_bytes>,
     .same = same<&Config::line_bytes>},
    {.table = "limits",
     .name = "sendq_bytes",
     .type = size,
     .fallback = R"("1MiB")",
     .min = 16 * kib,
     .max = gib,
     .set = [](Settings& to, const Value& value) { to.config.limits.sendq_bytes = bytes(value); },
     .same = same_limit<&parley::Limits::sendq_bytes>},
    {.table = "limits",
     .name = "queued_total",
     .type = size,
     .fallback = R"("256MiB")",
     .min = mib,
     .max = 1024 * gib,
     .set = [](Settings& to, const Value& value) { to.config.limits.queued_total = bytes(value); },
     .same = same_limit<&parley::Limits::queued_total>},
    {.table = "limits",
     .name = "send_buffer",
     .type = size,
     .fallback = "0",
     .max = gib,
     .set = [](Settings& to, const Value& value) { to.config.send_buffer = static_cast<int>(bytes(value)); },
     .same = same<&Config::send_buffer>},
    {.table = "limits",
     .name = "turn_bytes",
     .type = size,
     .fallback = R"("256KiB")",
     .min = 4 * kib,
     .max = gib,
     .set = [](Settings& to, const Value& value) { to.config.limits.turn_bytes = bytes(value); },
     .same = same_limit<&parley::Limits::turn_bytes>},
    {.table = "limits",
     .name = "connections",
     .type = number,
     .fallback = "0",
     .set = [](Settings& to, const Value& value) { to.config.connections = bytes(value); },
     .same = same<&Config::connections>},
    {.table = "limits",
     .name = "exempt",
     .type = networks,
     .fallback = R"(["127.0.0.0/8", "::1"])",
     .set = [](Settings& to, const Value& value) { to.config.exempt = as_networks(value); },
     .same = same<&Config::exempt>},
    {.table = "limits",
     .name = "connections_per_ip",
     .type = number,
     .fallback = "64",
     .max = many,
     .set = set_count<&Config::connections_per_ip>,
     .same = same<&Config::connections_per_ip>},
    {.table = "limits",
     .name = "connect_rate",
     .type = number,
     .fallback = "32",
     .max = many,
     .set = set_count<&Config::connect_rate>,
     .same = same<&Config::connect_rate>},
    {.table = "limits",
     .name = "message_rate",
     .type = number,
     .fallback = "20",
     .max = many,
     .set = set_count<&Config::message_rate>,
     .same = same<&Config::message_rate>},
    {.table = "limits",
     .name = "message_burst",
     .type = number,
     .fallback = "60",
     .min = 1,
     .max = many,
     .set = set_count<&Config::message_burst>,
     .same = same<&Config::message_burst>},
    {.table = "limits",
     .name = "idle_timeout",
     .type = time,
     .fallback = "0",
     .max = day,
     .set = set_time<&Config::idle_timeout>,
     .same = same<&Config::idle_timeout>},
    {.table = "limits",
     .name = "keep_alive",
     .type = time,
     .fallback = R"("2m")",
     .max = longest_keep_alive,
     .set = set_time<&Config::keep_alive>,
     .same = same<&Config::keep_alive>},

    {.table = "log",
     .name = "level",
     .fallback = R"("info")",
     .choices = "trace|debug|info|warn|error",
     .set = [](Settings& to, const Value& value) { to.config.log_level = log_level(as_text(value)); }},
    {.table = "log",
     .name = "file",
     .fallback = R"("")",
     .set = [](Settings& to, const Value& value) { to.config.log_file = as_text(value); }},
    {.table = "log",
     .name = "chat",
     .type = flag,
     .fallback = "true",
     .set = [](Settings& to, const Value& value) { to.config.chat = std::get<bool>(value); }},
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
  if (key.max == endless) return parley::concat(" of at least ", text_of(key.min));
  return parley::concat(" from ", text_of(key.min), " to ", text_of(key.max));
}

}  // namespace

std::span<const Key> keys() {
  return all_keys;
}

std::string full_name(const Key& key) {
  return parley::concat(key.table, ".", key.name);
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
  return std::any_of(std::begin(all_keys), std::end(all_keys),
                     [&](const Key& key) { return key.table == table; });
}

std::string_view nearest_table(std::string_view table) {
  return std::min_element(std::begin(all_keys), std::end(all_keys),
                          [&](const Key& one, const Key& other) {
                            return distance(table, one.table) < distance(table, other.table);
                          })
      ->table;
}

std::string needing_restart(const Config& now, const Config& wanted) {
  std::string names = now.listeners == wanted.listeners ? "" : "listener";
  for (const Key& key : all_keys) {
    if (key.same == nullptr || key.same(now, wanted)) continue;
    names += parley::concat(names.empty() ? "" : ", ", key.table, ".", key.name);
  }
  return names;
}

std::string expectation(const Key& key) {
  switch (key.type) {
    case Type::text:
      if (key.choices.empty()) return "a text in quotes";
      return parley::concat(key.choices.find('|') == key.choices.npos ? "" : "one of ", quoted(key.choices));
    case Type::flag:
      return "true or false";
    case Type::number:
      return parley::concat("a whole number", range(key, [](std::int64_t limit) { return limit; }));
    case Type::size:
      return parley::concat("a size", range(key, size_text),
                            ", as a number of bytes or a text like \"64KiB\"");
    case Type::time:
      return parley::concat(
          "a time",
          range(key, [](std::int64_t limit) { return time_text(std::chrono::milliseconds(limit)); }),
          ", as a number of seconds or a text like \"10ms\", \"30s\", \"5m\"");
    case Type::networks:
      return "a list of networks and addresses in quotes, like [\"10.0.0.0/8\", \"::1\"]";
  }
  return {};
}

std::string objection(const Key& key, const Value& value) {
  if (const auto* word = std::get_if<std::string>(&value); word != nullptr && !key.choices.empty()) {
    if (one_of(key.choices, *word)) return {};
    return parley::concat("must be ", expectation(key));
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& text : *texts) {
      const auto network = parley::Network::parse(text);
      if (!network) return parley::concat("must be ", expectation(key), "; ", network.error().what());
    }
    return {};
  }
  std::int64_t amount = key.min;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) amount = *whole;
  if (const auto* time = std::get_if<parley::Duration>(&value)) {
    amount = std::chrono::duration_cast<std::chrono::milliseconds>(*time).count();
  }
  if (amount < key.min || amount > key.max) return parley::concat("must be ", expectation(key));
  return {};
}

}  // namespace chat
