#include "chat/config/value.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <utility>

#include "parley/base/print.h"

namespace chat {
namespace {

using Units = std::array<std::pair<std::string_view, std::int64_t>, 4>;

constexpr Units size_units = {{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}};
// In milliseconds.
constexpr Units time_units = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::int64_t longest_time = std::int64_t{1000} * 24 * 3'600'000;

// A number and one of the units (or none: then `bare`), at most `most`.
std::optional<std::int64_t> parse(std::string_view text, const Units& units, std::int64_t bare,
                                  std::int64_t most) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  std::int64_t factor = unit.empty() ? bare : 0;
  for (const auto& [name, size] : units) {
    if (unit == name && !name.empty()) factor = size;
  }
  if (factor == 0 || number > most / factor) return std::nullopt;
  return number * factor;
}

std::string with_unit(std::int64_t number, const Units& units) {
  for (const auto& [name, size] : units) {
    if (number >= size && number % size == 0) return parley::concat(number / size, name);
  }
  return parley::concat(number, units.back().first);
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  return parse(text, size_units, 1, std::numeric_limits<std::int64_t>::max());
}

std::optional<parley::Duration> parse_time(std::string_view text) {
  const auto milliseconds = parse(text, time_units, 1000, longest_time);
  if (!milliseconds) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
}

std::optional<parley::Duration> seconds(std::int64_t count) {
  if (count < 0 || count > longest_time / 1000) return std::nullopt;
  return std::chrono::seconds(count);
}

std::string size_text(std::int64_t bytes) {
  return with_unit(bytes, size_units);
}

std::string time_text(parley::Duration time) {
  return with_unit(std::chrono::duration_cast<std::chrono::milliseconds>(time).count(), time_units);
}

}  // namespace chat
