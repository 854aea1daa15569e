#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "parley/base/clock.h"

namespace chat {

// What a key of the configuration may hold.
enum class Type : std::uint8_t { text, flag, number, size, time, networks };

// A value that was read: a size is a number of bytes.
using Value = std::variant<std::string, bool, std::int64_t, parley::Duration, std::vector<std::string>>;

// "65536", "64KiB", "1MiB", "2GiB": bytes. Nothing when it reads otherwise, or is beyond 2^63.
std::optional<std::int64_t> parse_size(std::string_view text);
// "2" (seconds), "10ms", "30s", "5m", "1h". Nothing when it reads otherwise, or is beyond a thousand days.
std::optional<parley::Duration> parse_time(std::string_view text);
std::optional<parley::Duration> seconds(std::int64_t count);

// A size or a time as one would write it: "64KiB", "10ms".
std::string size_text(std::int64_t bytes);
std::string time_text(parley::Duration time);

}  // namespace chat
